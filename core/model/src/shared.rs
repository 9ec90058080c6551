//! Values that many records share, kept once.

use crate::{Container, PodContext, Vulnerability};
use api_vocab::{ExtractorSet, Owner, SourceId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

type Labels = Arc<[(Arc<str>, Arc<str>)]>;

/// A set of shared values; those that only the set holds are dropped now and then.
#[derive(Debug)]
struct Pool<T: ?Sized + Hash + Eq> {
    values: FxHashSet<Arc<T>>,
    prune_at: usize,
}

impl<T: ?Sized + Hash + Eq> Default for Pool<T> {
    fn default() -> Self {
        Pool { values: FxHashSet::default(), prune_at: 1024 }
    }
}

impl<T: ?Sized + Hash + Eq> Pool<T> {
    /// Whether `value` itself is the one that is kept; it is from now on, if none equals it.
    fn keeps(&mut self, value: &Arc<T>) -> bool {
        Arc::ptr_eq(&self.get(value, |_| Arc::clone(value)), value)
    }

    fn get(&mut self, value: &T, make: impl FnOnce(&T) -> Arc<T>) -> Arc<T> {
        if let Some(kept) = self.values.get(value) {
            return Arc::clone(kept);
        }
        self.keep(make(value))
    }

    fn keep(&mut self, value: Arc<T>) -> Arc<T> {
        self.values.insert(Arc::clone(&value));
        value
    }

    /// Drop what nobody else holds, if the set has doubled since the last time.
    fn prune(&mut self) {
        if self.values.len() >= self.prune_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.values.shrink_to_fit();
            self.prune_at = (self.values.len() * 2).max(1024);
        }
    }
}

/// Values that many records share, kept once: a model has its own, and a store reads records
/// through one, so that a restart holds no value twice.
#[derive(Debug, Default)]
pub struct Shared {
    texts: Pool<str>,
    owners: Pool<Owner>,
    sources: Pool<SourceId>,
    extractor_sets: Pool<ExtractorSet>,
    labels: Pool<[(Arc<str>, Arc<str>)]>,
    contexts: Pool<PodContext>,
    containers: Pool<[Container]>,
    vulnerabilities: FxHashMap<Arc<str>, Arc<Vulnerability>>,
    prune_vulnerabilities_at: usize,
}

impl Shared {
    /// A text.
    pub fn text(&mut self, text: &str) -> Arc<str> {
        self.texts.get(text, |text| text.into())
    }

    /// A workload.
    pub fn owner(&mut self, owner: &Owner) -> Arc<Owner> {
        self.owners.get(owner, |owner| Arc::new(owner.clone()))
    }

    /// A source.
    pub fn source(&mut self, source: &SourceId) -> Arc<SourceId> {
        self.sources.get(source, |source| Arc::new(source.clone()))
    }

    /// A set of extractors.
    pub fn extractor_set(&mut self, set: &ExtractorSet) -> Arc<ExtractorSet> {
        self.extractor_sets.get(set, |set| Arc::new(set.clone()))
    }

    /// What surrounds a pod; nothing where nothing is known.
    pub fn context(&mut self, mut context: PodContext) -> Option<Arc<PodContext>> {
        if context == PodContext::default() {
            return None;
        }
        context.sort();
        match self.contexts.values.get(&context) {
            Some(kept) => Some(Arc::clone(kept)),
            None => Some(self.contexts.keep(Arc::new(context))),
        }
    }

    /// The containers of a pod.
    pub fn containers(&mut self, containers: Vec<Container>) -> Arc<[Container]> {
        match self.containers.values.get(&*containers) {
            Some(kept) => Arc::clone(kept),
            None => self.containers.keep(containers.into()),
        }
    }

    /// Whether this very text is the one that is kept, as all that follow ask of their values; a
    /// value that equals no other is kept from now on.
    pub(crate) fn keeps_text(&mut self, text: &Arc<str>) -> bool {
        self.texts.keeps(text)
    }

    pub(crate) fn keeps_owner(&mut self, owner: &Arc<Owner>) -> bool {
        self.owners.keeps(owner)
    }

    pub(crate) fn keeps_source(&mut self, source: &Arc<SourceId>) -> bool {
        self.sources.keeps(source)
    }

    pub(crate) fn keeps_extractor_set(&mut self, set: &Arc<ExtractorSet>) -> bool {
        self.extractor_sets.keeps(set)
    }

    pub(crate) fn keeps_context(&mut self, context: &Arc<PodContext>) -> bool {
        self.contexts.keeps(context)
    }

    pub(crate) fn keeps_containers(&mut self, containers: &Arc<[Container]>) -> bool {
        self.containers.keeps(containers)
    }

    pub(crate) fn keeps_labels(&mut self, labels: &Labels) -> bool {
        let texts = labels.iter().all(|(name, value)| self.keeps_text(name) && self.keeps_text(value));
        texts && self.labels.keeps(labels)
    }

    /// Labels, sorted by name; of two with one name the last counts.
    pub fn labels<S: Borrow<str>>(&mut self, labels: &[(S, S)]) -> Labels {
        let mut sorted: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(labels.len());
        for (name, value) in labels {
            let (name, value) = (self.text(name.borrow()), self.text(value.borrow()));
            match sorted.binary_search_by(|(other, _)| other.cmp(&name)) {
                Ok(place) => {
                    if let Some(entry) = sorted.get_mut(place) {
                        entry.1 = value;
                    }
                }
                Err(place) => sorted.insert(place, (name, value)),
            }
        }
        self.labels.get(&sorted, |labels| labels.into())
    }

    /// The same vulnerability of another package, if it is equal in everything.
    pub fn vulnerability(&mut self, vulnerability: &Arc<Vulnerability>) -> Arc<Vulnerability> {
        match self.vulnerabilities.get(&vulnerability.id) {
            Some(kept) if kept == vulnerability => Arc::clone(kept),
            _ => {
                self.vulnerabilities.insert(Arc::clone(&vulnerability.id), Arc::clone(vulnerability));
                Arc::clone(vulnerability)
            }
        }
    }

    pub(crate) fn prune(&mut self) {
        self.labels.prune();
        self.contexts.prune();
        self.containers.prune();
        self.texts.prune();
        self.owners.prune();
        self.sources.prune();
        self.extractor_sets.prune();
        if self.vulnerabilities.len() >= self.prune_vulnerabilities_at {
            self.vulnerabilities.retain(|_, kept| Arc::strong_count(kept) > 1);
            self.prune_vulnerabilities_at = (self.vulnerabilities.len() * 2).max(1024);
        }
    }
}
