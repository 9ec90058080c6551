//! The pods, by source.

use crate::{Pod, PodId};
use api_vocab::SourceId;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

type OfSource = FxHashMap<Arc<PodId>, Arc<Pod>>;

/// All pods; each source's are found by hash, for most of what is asked is one pod.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    sources: BTreeMap<Arc<SourceId>, OfSource>,
}

impl Pods {
    pub(crate) fn get(&self, id: &PodId) -> Option<&Arc<Pod>> {
        self.sources.get(&id.source)?.get(id)
    }

    pub(crate) fn insert(&mut self, pod: Arc<Pod>) {
        match self.sources.get_mut(&pod.id.source) {
            Some(pods) => drop(pods.insert(Arc::clone(&pod.id), pod)),
            None => {
                let source = Arc::clone(&pod.id.source);
                self.sources.insert(source, OfSource::from_iter([(Arc::clone(&pod.id), pod)]));
            }
        }
    }

    pub(crate) fn remove(&mut self, id: &PodId) -> Option<Arc<Pod>> {
        let pods = self.sources.get_mut(&id.source)?;
        let pod = pods.remove(id);
        if pods.is_empty() {
            self.sources.remove(&id.source);
        }
        pod
    }

    /// Those of a source, by key.
    pub(crate) fn ids_of(&self, source: &SourceId) -> Vec<Arc<PodId>> {
        let mut ids: Vec<_> =
            self.sources.get(source).into_iter().flat_map(|pods| pods.keys().cloned()).collect();
        ids.sort_unstable();
        ids
    }

    /// All of them, by source, then key.
    pub(crate) fn sorted(&self) -> Vec<&Arc<Pod>> {
        let mut pods: Vec<_> = self.sources.values().flat_map(FxHashMap::values).collect();
        pods.sort_unstable_by_key(|pod| &pod.id);
        pods
    }
}
