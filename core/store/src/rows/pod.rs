//! Rows of pods.

use super::{ContextRow, DigestText, Known, Text, wrong};
use crate::StoreError;
use api_vocab::{ContainerKind, Owner, PodKey, PodPhase, SourceId, Timestamp, Uid};
use core_model::{Container, Pod, PodId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// A pod; its source and key are columns of their own.
#[derive(Serialize, Deserialize)]
pub(crate) struct PodRow<'a> {
    #[serde(rename = "u", borrow)]
    uid: Text<'a>,
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    node: Option<Text<'a>>,
    #[serde(rename = "o", borrow, default, skip_serializing_if = "Option::is_none")]
    owner: Option<Text<'a>>,
    #[serde(rename = "p")]
    phase: PodPhase,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(rename = "l", borrow, default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<(Text<'a>, Text<'a>)>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    context: Option<ContextRow>,
    #[serde(rename = "c", borrow)]
    containers: Vec<ContainerRow<'a>>,
}

/// Name, kind, reference, image.
#[derive(Serialize, Deserialize)]
struct ContainerRow<'a>(
    #[serde(borrow)] Text<'a>,
    ContainerKind,
    #[serde(borrow)] Text<'a>,
    Option<DigestText<'a>>,
);

impl<'a> PodRow<'a> {
    pub(crate) fn of(pod: &'a Pod) -> Self {
        let container = |container: &'a Container| {
            ContainerRow(
                Text::of(&container.name),
                container.kind,
                Text::of(&container.reference),
                container.image.as_deref().map(|digest| DigestText(Cow::Borrowed(digest))),
            )
        };
        PodRow {
            uid: Text(pod.uid.text()),
            node: pod.node.as_deref().map(Text::of),
            owner: pod.owner.as_ref().map(|owner| Text::of(owner.as_str())),
            phase: pod.phase,
            started_at: pod.started_at.map(Timestamp::as_millis),
            labels: pod.labels.iter().map(|(name, value)| (Text::of(name), Text::of(value))).collect(),
            context: pod.context.as_deref().map(ContextRow::of),
            containers: pod.containers.iter().map(container).collect(),
        }
    }

    pub(crate) fn pod(
        self,
        source: Arc<SourceId>,
        key: PodKey,
        known: &mut Known,
    ) -> Result<Pod, StoreError> {
        let owner = self.owner.map(|owner| owner.as_ref().parse::<Owner>()).transpose();
        let owner = owner.map_err(|error| wrong("pods", error))?;
        let containers = self.containers.into_iter().map(|container| container.container(known));
        let containers: Vec<Container> = containers.collect();
        Ok(Pod {
            id: Arc::new(PodId { source, key }),
            uid: Uid::new(self.uid.as_ref()),
            node: self.node.map(|node| known.shared.text(node.as_ref())),
            owner: owner.map(|owner| known.shared.owner(&owner)),
            phase: self.phase,
            started_at: self.started_at.map(Timestamp::from_millis),
            labels: known.shared.labels(&self.labels),
            context: self.context.and_then(|context| known.shared.context(context.context())),
            containers: known.shared.containers(containers),
        })
    }
}

impl ContainerRow<'_> {
    fn container(self, known: &mut Known) -> Container {
        let ContainerRow(name, kind, reference, image) = self;
        Container {
            name: known.shared.text(name.as_ref()),
            kind,
            reference: known.shared.text(reference.as_ref()),
            image: image.map(|digest| known.digest(digest.0.into_owned())),
        }
    }
}
