//! Leases and reports, between the wire and the model.

use api_vocab::{Inventory, Timestamp};
use api_wire::{lease as wire, report};
use core_model::{Failure, FailureKind, Grant, Identity, LayerAnswer, PullSecret, Report};
use std::time::Duration;

/// How `grant` looks on the wire.
pub fn grant_to(grant: &Grant, now: Timestamp) -> wire::Lease {
    wire::Lease {
        id: grant.lease,
        image: (*grant.image).clone(),
        aliases: grant.aliases.clone(),
        references: grant.places().map(|place| place.to_string()).collect(),
        sources: grant.sources.iter().map(|source| (**source).clone()).collect(),
        platform: grant.platform.clone(),
        runs_on: grant.runs_on.clone(),
        pull_secrets: grant.pull_secrets.iter().map(secret_to).collect(),
        attempt: grant.attempt,
        expires_at: grant.until,
        expires_in_seconds: seconds_between(now, grant.until),
    }
}

fn secret_to(secret: &PullSecret) -> wire::PullSecretRef {
    wire::PullSecretRef {
        source: (*secret.source).clone(),
        namespace: secret.namespace.to_string(),
        name: secret.name.to_string(),
    }
}

/// How a renewal until `until` looks on the wire.
pub fn renewal_to(until: Timestamp, now: Timestamp) -> wire::LeaseRenewal {
    wire::LeaseRenewal { expires_at: until, expires_in_seconds: seconds_between(now, until) }
}

fn seconds_between(now: Timestamp, until: Timestamp) -> u32 {
    u32::try_from(until.since(now).as_secs()).unwrap_or(u32::MAX)
}

/// What an image turned out to be.
pub fn identity_from(shape: wire::ImageIdentity) -> Identity {
    Identity { config: shape.config, manifest: shape.manifest, index: shape.index, platform: shape.platform }
}

/// How `answer` looks on the wire.
pub fn layers_to(answer: LayerAnswer) -> wire::LayerAnswer {
    wire::LayerAnswer {
        unknown: answer.unknown,
        known: answer.known,
        busy: answer.busy,
        settled: answer.settled,
    }
}

/// Why a scan failed; the text is cut and escaped.
pub fn failure_from(shape: wire::ScanFailure) -> Failure {
    let reason: String = shape.message.chars().flat_map(escaped).take(1_024).collect();
    Failure {
        kind: match shape.kind {
            wire::FailureKind::Transient => FailureKind::Transient,
            wire::FailureKind::Permanent => FailureKind::Permanent,
        },
        reason: reason.into(),
        retry_after: shape.retry_after_seconds.map(|seconds| Duration::from_secs(seconds.into())),
        out_of_reach: shape.out_of_reach,
    }
}

fn escaped(c: char) -> Vec<char> {
    if c.is_control() { c.escape_debug().collect() } else { vec![c] }
}

/// What the model needs of a report whose `inventory` is kept by the store.
pub fn report_from(shape: report::ScanReport, inventory: &Inventory) -> Report {
    Report {
        identity: identity_from(shape.identity),
        layers: shape.layers,
        packages: inventory.packages.iter().map(|installed| installed.package.clone()).collect(),
        distro: inventory.distro.clone(),
        problems: inventory.problems.clone(),
        extractor_set: shape.extractor_set,
        engine: shape.engine.into(),
        fetched_from: shape.fetched_from.into(),
    }
}
