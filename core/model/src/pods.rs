//! The pods, by source.

use crate::{Pod, PodId};
use api_vocab::SourceId;
use rustc_hash::FxHashSet;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A pod, as it is found: by its id.
#[derive(Debug)]
struct ById(Arc<Pod>);

impl Borrow<PodId> for ById {
    fn borrow(&self) -> &PodId {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

type OfSource = FxHashSet<ById>;

/// All pods; each source's are found by hash, for most of what is asked is one pod.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    sources: BTreeMap<Arc<SourceId>, OfSource>,
}

impl Pods {
    pub(crate) fn get(&self, id: &PodId) -> Option<&Arc<Pod>> {
        self.sources.get(&id.source)?.get(id).map(|pod| &pod.0)
    }

    pub(crate) fn insert(&mut self, pod: Arc<Pod>) {
        match self.sources.get_mut(&pod.id.source) {
            Some(pods) => drop(pods.replace(ById(pod))),
            None => {
                let source = Arc::clone(&pod.id.source);
                self.sources.insert(source, OfSource::from_iter([ById(pod)]));
            }
        }
    }

    pub(crate) fn remove(&mut self, id: &PodId) -> Option<Arc<Pod>> {
        let pods = self.sources.get_mut(&id.source)?;
        let pod = pods.take(id);
        if pods.is_empty() {
            self.sources.remove(&id.source);
        }
        pod.map(|pod| pod.0)
    }

    /// Those of a source that are wanted, by key.
    pub(crate) fn ids_of(&self, source: &SourceId, is_wanted: impl Fn(&PodId) -> bool) -> Vec<Arc<PodId>> {
        let all = self.sources.get(source).into_iter().flatten().map(|pod| &pod.0.id);
        let mut ids: Vec<_> = all.filter(|id| is_wanted(id)).cloned().collect();
        ids.sort_unstable();
        ids
    }

    /// All of them, by source, then key.
    pub(crate) fn sorted(&self) -> Vec<&Arc<Pod>> {
        let mut pods: Vec<_> = self.sources.values().flatten().map(|pod| &pod.0).collect();
        pods.sort_unstable_by_key(|pod| &pod.id);
        pods
    }
}
