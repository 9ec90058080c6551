//! What is kept of a pod: a small record that shares with other pods what it has in common.

use crate::asks::Asks;
use crate::intern::Interner;
use crate::owners::Workload;
use api_vocab::{ContainerKind, Platform, PodPhase, Timestamp, Uid};
use api_wire::context::{PodContext, Privileges};
use api_wire::observation::{ObservedContainer, ObservedPod};
use perceiver_kit::Kept;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The object that controls another one, as the controlled one names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Controller {
    /// Group and version, as `apps/v1`.
    pub api_version: Arc<str>,
    /// As `ReplicaSet`.
    pub kind: Arc<str>,
    /// The controlled one's namespace; the controller's own too, if it is in one.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its id: another object of this name is another one.
    pub uid: Uid,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Container {
    /// Its name.
    pub name: Arc<str>,
    /// The part it plays.
    pub kind: ContainerKind,
    /// The image that was asked for, as written.
    pub image: Arc<str>,
    /// What the runtime says is running, as it says it.
    pub image_id: Option<Arc<str>>,
    /// What it may do beyond the usual.
    pub privileges: Arc<Privileges>,
}

/// Names and values that are sent along, in the order of names.
pub type Chosen = Box<[(Arc<str>, Arc<str>)]>;

/// What surrounds a pod, as far as the pod itself says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Surroundings {
    /// The service account it runs as.
    pub account: Option<Box<str>>,
    /// Labels that are sent along. A map of few takes the room of eleven.
    pub labels: Chosen,
    /// Annotations that are sent along.
    pub annotations: Chosen,
    /// Namespaces of the node that it shares.
    pub host_namespaces: Box<[&'static str]>,
    /// Secrets that its images are pulled with.
    pub pull_secrets: Box<[Arc<str>]>,
    /// What its annotations ask for.
    pub asks: Asks,
}

/// A time as a cluster says it, to the second, in a third of the room of an `Option<Timestamp>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Second(NonZeroU32);

impl Second {
    /// The second of this time; none before 1970 and after 2106, when no pod was started.
    pub fn of(time: Timestamp) -> Option<Self> {
        let seconds = u32::try_from(time.as_millis().div_euclid(1_000)).ok()?;
        NonZeroU32::new(seconds).map(Second)
    }
}

impl From<Second> for Timestamp {
    fn from(second: Second) -> Self {
        Timestamp::from_millis(i64::from(second.0.get()) * 1_000)
    }
}

/// A pod, as the server last described it. There are very many: the allocator hands out steps of 16
/// bytes, and one step is 2.3 MiB for 150,000 of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Pod {
    /// `namespace/name`.
    pub key: Arc<str>,
    /// Its id.
    pub uid: Uid,
    /// Where it runs. Boxed: an `Arc<str>` is twice as large, and a node is named by many pods.
    pub node: Option<Arc<Box<str>>>,
    /// Where it is in its life.
    pub phase: PodPhase,
    /// When the node took it.
    pub started_at: Option<Second>,
    /// What controls it; none for a pod of its own, static ones included.
    pub controller: Option<Arc<Controller>>,
    /// What it says of its surroundings.
    pub surroundings: Arc<Surroundings>,
    /// Its containers.
    pub containers: Arc<[Container]>,
}

impl Pod {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.key.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.key.split_once('/').map_or("", |(_, name)| name)
    }
}

/// A pod with what was learnt from other objects: what the core is told.
#[derive(Debug, Clone)]
pub struct Told {
    /// The pod.
    pub pod: Arc<Pod>,
    /// The workload it belongs to.
    pub workload: Arc<Workload>,
    /// What surrounds it.
    pub context: Arc<PodContext>,
    /// What its node is. Not among what surrounds it: pods of one workload share that, but may run
    /// on nodes of two platforms.
    pub platform: Option<Arc<Platform>>,
}

/// The same is told: marks that a workload bears are not.
impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.workload, &other.workload);
        self.pod == other.pod
            && self.context == other.context
            && self.platform == other.platform
            && (Arc::ptr_eq(ours, theirs) || (&ours.owner, &ours.top) == (&theirs.owner, &theirs.top))
    }
}

impl Eq for Told {}

impl Kept for Told {
    fn key(&self) -> &str {
        &self.pod.key
    }

    fn shared_key(&self) -> Arc<str> {
        Arc::clone(&self.pod.key)
    }

    fn observed(&self) -> ObservedPod {
        let pod = &*self.pod;
        ObservedPod {
            key: pod.key.to_string(),
            uid: pod.uid.to_string(),
            node: pod.node.as_deref().map(ToString::to_string),
            platform: self.platform.as_deref().cloned(),
            owner: Some(self.workload.owner.to_string()),
            phase: pod.phase,
            started_at: pod.started_at.map(Timestamp::from),
            labels: as_map(&pod.surroundings.labels),
            context: PodContext::clone(&self.context),
            containers: pod.containers.iter().map(observed).collect(),
        }
    }
}

/// As the core is told.
pub fn as_map(chosen: &Chosen) -> BTreeMap<String, String> {
    chosen.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn observed(container: &Container) -> ObservedContainer {
    ObservedContainer {
        name: container.name.to_string(),
        kind: container.kind,
        image: container.image.to_string(),
        image_id: container.image_id.as_deref().map(str::to_owned),
        repo_digests: Vec::new(),
        privileges: Privileges::clone(&container.privileges),
    }
}

/// What pods share.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Names of containers, images, kinds; ids of images.
    pub texts: Interner<str>,
    /// Names of nodes.
    pub nodes: Interner<Box<str>>,
    /// Controllers.
    pub controllers: Interner<Controller>,
    /// Surroundings.
    pub surroundings: Interner<Surroundings>,
    /// Privileges.
    pub privileges: Interner<Privileges>,
    /// Containers of one pod.
    pub containers: Interner<[Container]>,
    /// Surroundings as the core is told.
    pub contexts: Interner<PodContext>,
}

impl Shelf {
    /// Let go of what no pod holds any more.
    pub fn sweep(&mut self) {
        self.contexts.sweep();
        self.containers.sweep();
        self.privileges.sweep();
        self.surroundings.sweep();
        self.controllers.sweep();
        self.nodes.sweep();
        // Last: the others hold texts.
        self.texts.sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_of_a_pod_is_small() {
        assert!(size_of::<Pod>() <= 88, "{}", size_of::<Pod>());
        assert!(size_of::<Told>() <= 32, "{}", size_of::<Told>());
    }

    #[test]
    fn second_of_a_time_is_given_back_if_a_pod_can_have_started_then() {
        for (text, kept) in [
            ("2026-11-20T08:15:02Z", Some("2026-11-20T08:15:02.000Z")),
            ("2026-11-20T08:15:02.999Z", Some("2026-11-20T08:15:02.000Z")),
            ("2106-02-07T06:28:15Z", Some("2106-02-07T06:28:15.000Z")),
            ("2106-02-07T06:28:16Z", None),
            ("1970-01-01T00:00:00Z", None),
            ("1969-12-31T23:59:59Z", None),
        ] {
            let second = Second::of(text.parse().unwrap());
            assert_eq!(second.map(|second| Timestamp::from(second).to_string()).as_deref(), kept, "{text}");
        }
    }
}
