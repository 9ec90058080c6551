//! Rows of pods.

use api_vocab::{ContainerKind, Digest, Owner, PodKey, PodPhase, SourceId, Timestamp};
use core_model::{Container, Pod, PodId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// A pod; its source and key are columns of their own.
#[derive(Serialize, Deserialize)]
pub(crate) struct PodRow<'a> {
    #[serde(rename = "u", borrow)]
    uid: Cow<'a, str>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    node: Option<Arc<str>>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    owner: Option<Arc<Owner>>,
    #[serde(rename = "p")]
    phase: PodPhase,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<(Arc<str>, Arc<str>)>,
    #[serde(rename = "c")]
    containers: Vec<ContainerRow>,
}

/// Name, kind, reference, image.
#[derive(Serialize, Deserialize)]
struct ContainerRow(Arc<str>, ContainerKind, Arc<str>, Option<Arc<Digest>>);

impl<'a> PodRow<'a> {
    pub(crate) fn of(pod: &'a Pod) -> Self {
        let container = |container: &Container| {
            ContainerRow(
                Arc::clone(&container.name),
                container.kind,
                Arc::clone(&container.reference),
                container.image.clone(),
            )
        };
        PodRow {
            uid: Cow::Borrowed(&pod.uid),
            node: pod.node.clone(),
            owner: pod.owner.clone(),
            phase: pod.phase,
            started_at: pod.started_at.map(Timestamp::as_millis),
            labels: pod.labels.to_vec(),
            containers: pod.containers.iter().map(container).collect(),
        }
    }

    pub(crate) fn pod(self, source: Arc<SourceId>, key: PodKey) -> Pod {
        let container =
            |ContainerRow(name, kind, reference, image)| Container { name, kind, reference, image };
        Pod {
            id: Arc::new(PodId { source, key }),
            uid: self.uid.into(),
            node: self.node,
            owner: self.owner,
            phase: self.phase,
            started_at: self.started_at.map(Timestamp::from_millis),
            labels: self.labels.into(),
            containers: self.containers.into_iter().map(container).collect(),
        }
    }
}
