//! Images: from the model to the wire.

use super::finding::counts_to;
use super::inventory::{distro_to, problem_to};
use api_wire::image as wire;
use core_model::{Image, State, Tally};

/// How `image` looks on the wire, with how many pods run it and what its findings come to.
pub fn image_to(image: &Image, pods: u64, tally: Option<&Tally>) -> wire::Image {
    let scan = image.scan.as_deref();
    wire::Image {
        digest: (*image.key).clone(),
        aliases: image.aliases.clone(),
        references: image.references.iter().map(|reference| reference.to_string()).collect(),
        platform: image.platform.clone(),
        distro: scan.and_then(|scan| scan.distro.as_ref()).map(distro_to),
        state: state_to(image),
        pods,
        packages: scan.map(|scan| scan.packages.len() as u64),
        findings: scan.and(tally).and_then(counts_to),
        layers: scan
            .map(|scan| scan.layers.iter().map(|layer| (**layer).clone()).collect())
            .unwrap_or_default(),
        first_seen: image.first_seen,
        scanned_at: scan.map(|scan| scan.at),
        fetched_from: scan.map(|scan| scan.fetched_from.to_string()),
        context: None,
        advisories: None,
    }
}

fn state_to(image: &Image) -> wire::ImageState {
    match &image.state {
        State::Queued { since, .. } => wire::ImageState::Queued { since: *since },
        State::Leased { scanner, until, attempt, .. } => {
            wire::ImageState::Leased { scanner: scanner.clone(), until: *until, attempt: *attempt }
        }
        State::Backoff { until, failed, reason } => {
            wire::ImageState::Backoff { until: *until, attempt: *failed, reason: reason.to_string() }
        }
        State::Scanned => {
            let scan = image.scan.as_deref();
            wire::ImageState::Scanned {
                partial: scan.is_none_or(|scan| scan.is_partial()),
                problems: scan.map(|scan| scan.problems.iter().map(problem_to).collect()).unwrap_or_default(),
            }
        }
        State::Unscannable { since, reason } => {
            wire::ImageState::Unscannable { reason: reason.to_string(), since: *since }
        }
    }
}
