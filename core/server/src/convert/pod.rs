//! Pods and sources: from the model to the wire.

use super::context::{context_to, privileges_to};
use api_wire::summary::SeverityCounts;
use api_wire::{pod as wire, source};
use core_model::{Pod, Source, SourceHealth, Stage};

/// How `pod` looks on the wire; `stage_of` answers the stage of an image by its key.
pub fn pod_to(
    pod: &Pod,
    findings: Option<SeverityCounts>,
    stage_of: impl Fn(&api_vocab::Digest) -> Option<Stage>,
) -> wire::Pod {
    wire::Pod {
        source: (*pod.id.source).clone(),
        namespace: pod.id.key.namespace().to_owned(),
        name: pod.id.key.name().to_owned(),
        uid: pod.uid.text().into_owned(),
        node: pod.node.as_deref().map(str::to_owned),
        platform: pod.context.as_ref().and_then(|context| context.platform.clone()),
        owner: pod.owner.as_deref().cloned(),
        phase: pod.phase,
        started_at: pod.started_at,
        labels: pod.labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        context: pod.context.as_deref().map(context_to).unwrap_or_default(),
        containers: pod
            .containers
            .iter()
            .map(|container| wire::Container {
                name: container.name.to_string(),
                kind: container.kind,
                reference: container.reference.to_string(),
                image: container.image.as_deref().cloned(),
                state: container
                    .image
                    .as_deref()
                    .and_then(&stage_of)
                    .map_or("unresolved", Stage::as_str)
                    .to_owned(),
                privileges: pod
                    .context
                    .as_ref()
                    .and_then(|context| context.privileges_of(&container.name))
                    .map(privileges_to)
                    .unwrap_or_default(),
            })
            .collect(),
        findings,
    }
}

/// How `source` looks on the wire.
pub fn source_to(source: &Source, pods: u64) -> source::Source {
    source::Source {
        id: source.id.clone(),
        last_seen: source.last_seen,
        last_full_state: source.last_full_state,
        health: match source.health {
            SourceHealth::Fresh => source::SourceHealth::Fresh,
            SourceHealth::Stale => source::SourceHealth::Stale,
        },
        pods,
    }
}
