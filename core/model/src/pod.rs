//! Pods as the core knows them: compact records, strings shared between them.

use crate::{ExposurePath, PodContext, Tally};
use api_vocab::{ContainerKind, Digest, Owner, PodKey, PodPhase, SourceId, Timestamp, Uid};
use std::cmp::Ordering;
use std::sync::Arc;

/// Which pod: its source, and its key within that. Ordered by source, then key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodId {
    /// Where it runs.
    pub source: Arc<SourceId>,
    /// What it is called there.
    pub key: PodKey,
}

impl Ord for PodId {
    fn cmp(&self, other: &Self) -> Ordering {
        // Pods of one source share its value: most comparisons need not look at it.
        let source = match Arc::ptr_eq(&self.source, &other.source) {
            true => Ordering::Equal,
            false => self.source.cmp(&other.source),
        };
        source.then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for PodId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PodId {
    /// From where to read the pods of a source (and namespace): after a key, or the least key that
    /// is possible, and whether it is the former. Nothing if the namespace is none.
    pub(crate) fn first_of(
        source: &SourceId,
        namespace: Option<&str>,
        after: Option<&PodKey>,
    ) -> Option<(PodId, bool)> {
        // No key holds a character below the blank, so runs of blanks come first.
        let least = match namespace {
            Some(namespace) => PodKey::new(namespace, " "),
            None => PodKey::new(&" ".repeat(MAX_KEY - 2), " "),
        };
        let key = after.cloned().map_or_else(|| least.ok(), Some)?;
        Some((PodId { source: Arc::new(source.clone()), key }, after.is_some()))
    }
}

/// The longest key in bytes.
const MAX_KEY: usize = 512;

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Which.
    pub id: Arc<PodId>,
    /// The platform's own id.
    pub uid: Uid,
    /// Its node.
    pub node: Option<Arc<str>>,
    /// Its workload.
    pub owner: Option<Arc<Owner>>,
    /// Where it is in its life.
    pub phase: PodPhase,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Labels that the perceiver was told to send, sorted by name.
    pub labels: Arc<[(Arc<str>, Arc<str>)]>,
    /// What surrounds it; nothing where nothing is known.
    pub context: Option<Arc<PodContext>>,
    /// Its containers, as its platform lists them; pods of one workload mostly share them.
    pub containers: Arc<[Container]>,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Container {
    /// Its name within the pod.
    pub name: Arc<str>,
    /// The part it plays.
    pub kind: ContainerKind,
    /// The image reference that was asked for, as written.
    pub reference: Arc<str>,
    /// The key of the image that runs; nothing while it is unresolved.
    pub image: Option<Arc<Digest>>,
}

impl Pod {
    /// The keys of its images, without repetition, in the containers' order.
    pub fn images(&self) -> Vec<&Arc<Digest>> {
        self.each_image().collect()
    }

    /// The same, without a list of them.
    pub(crate) fn each_image(&self) -> impl Iterator<Item = &Arc<Digest>> {
        let keys = self.containers.iter().enumerate();
        keys.filter_map(|(place, container)| {
            let key = container.image.as_ref()?;
            let mut before = self.containers.iter().take(place);
            (!before.any(|other| other.image.as_ref() == Some(key))).then_some(key)
        })
    }

    /// Whether it has a container whose image is not known yet.
    pub fn is_unresolved(&self) -> bool {
        self.containers.iter().any(|container| container.image.is_none())
    }

    /// The ways that lead to it from outside; empty: none is known.
    pub fn exposure(&self) -> &[ExposurePath] {
        self.context.as_ref().map_or(&[], |context| &context.exposure)
    }

    /// What counts of these findings for it.
    pub fn count(&self, tally: Tally) -> Tally {
        self.context.as_ref().map_or(tally, |context| context.settings.count(tally))
    }

    /// Whether it runs right now.
    pub fn is_running(&self) -> bool {
        self.phase == PodPhase::Running
    }
}
