//! Layers: whose inventories are stored, who extracts which right now, and which nobody needs.

use api_vocab::{Digest, ExtractorSet, LeaseId, Timestamp};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One layer that is known or that an image has.
#[derive(Debug, Default)]
struct Layer {
    sets: Vec<Arc<ExtractorSet>>,
    images: u32,
}

/// All layers.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    known: BTreeMap<Arc<Digest>, Layer>,
    grants: FxHashMap<(Digest, ExtractorSet), LeaseId>,
    /// Known layers that no image has, and since when the sweeper knows.
    idle: BTreeMap<Arc<Digest>, Option<Timestamp>>,
}

impl Layers {
    pub(crate) fn is_known(&self, diff_id: &Digest, set: &ExtractorSet) -> bool {
        self.known.get(diff_id).is_some_and(|layer| layer.sets.iter().any(|known| **known == *set))
    }

    pub(crate) fn holder(&self, diff_id: &Digest, set: &ExtractorSet) -> Option<LeaseId> {
        self.grants.get(&(diff_id.clone(), set.clone())).copied()
    }

    pub(crate) fn grant(&mut self, diff_id: Digest, set: ExtractorSet, lease: LeaseId) {
        self.grants.insert((diff_id, set), lease);
    }

    /// Free what was granted to a lease.
    pub(crate) fn release(&mut self, lease: LeaseId) {
        self.grants.retain(|_, holder| *holder != lease);
    }

    /// A layer's inventory is stored; answers whether that is news, and the shared diff-id.
    pub(crate) fn learn(&mut self, diff_id: &Arc<Digest>, set: Arc<ExtractorSet>) -> Option<Arc<Digest>> {
        if self.is_known(diff_id, &set) {
            return None;
        }
        self.grants.remove(&((**diff_id).clone(), (*set).clone()));
        let key = self.shared(diff_id);
        let layer = self.known.entry(Arc::clone(&key)).or_default();
        // Mostly it is the only one.
        layer.sets.reserve_exact(1);
        layer.sets.push(set);
        layer.sets.sort_unstable();
        if layer.images == 0 {
            self.idle.entry(Arc::clone(&key)).or_default();
        }
        Some(key)
    }

    /// The diff-id as other records hold it.
    pub(crate) fn shared(&self, diff_id: &Arc<Digest>) -> Arc<Digest> {
        Arc::clone(self.known.get_key_value(diff_id).map_or(diff_id, |(key, _)| key))
    }

    /// An image has these layers.
    pub(crate) fn hold(&mut self, diff_ids: &[Arc<Digest>]) {
        for diff_id in diff_ids {
            self.known.entry(Arc::clone(diff_id)).or_default().images += 1;
            self.idle.remove(diff_id);
        }
    }

    /// An image has these layers no longer.
    pub(crate) fn unhold(&mut self, diff_ids: &[Arc<Digest>]) {
        for diff_id in diff_ids {
            let Some(layer) = self.known.get_mut(diff_id) else { continue };
            layer.images = layer.images.saturating_sub(1);
            if layer.images > 0 {
                continue;
            }
            if layer.sets.is_empty() {
                self.known.remove(diff_id);
            } else {
                self.idle.entry(Arc::clone(diff_id)).or_default();
            }
        }
    }

    /// Layers that no image has had since `before`, forgotten; `now` for those seen idle first.
    pub(crate) fn forget_idle(
        &mut self,
        before: Timestamp,
        now: Timestamp,
    ) -> Vec<(Arc<Digest>, Arc<ExtractorSet>)> {
        let mut forgotten = Vec::new();
        self.idle.retain(|diff_id, since| {
            let gone = *since.get_or_insert(now) <= before;
            if gone && let Some(layer) = self.known.remove(diff_id) {
                forgotten.extend(layer.sets.into_iter().map(|set| (Arc::clone(diff_id), set)));
            }
            !gone
        });
        forgotten
    }

    /// Inventories by other extractors than these, forgotten.
    pub(crate) fn forget_others(&mut self, wanted: &ExtractorSet) -> Vec<(Arc<Digest>, Arc<ExtractorSet>)> {
        let mut forgotten = Vec::new();
        let idle = &mut self.idle;
        self.known.retain(|diff_id, layer| {
            let (kept, others): (Vec<_>, Vec<_>) =
                std::mem::take(&mut layer.sets).into_iter().partition(|set| **set == *wanted);
            forgotten.extend(others.into_iter().map(|set| (Arc::clone(diff_id), set)));
            layer.sets = kept;
            if layer.sets.is_empty() {
                idle.remove(diff_id);
            }
            !layer.sets.is_empty() || layer.images > 0
        });
        forgotten
    }

    /// When the first idle layer may be forgotten, were it idle since it was seen so.
    pub(crate) fn idle_since(&self) -> Option<Timestamp> {
        self.idle.values().filter_map(|since| *since).min()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<Digest>, &[Arc<ExtractorSet>])> {
        let known = self.known.iter().filter(|(_, layer)| !layer.sets.is_empty());
        known.map(|(diff_id, layer)| (diff_id, &*layer.sets))
    }

    #[cfg(test)]
    pub(crate) fn grants(&self) -> impl Iterator<Item = LeaseId> + '_ {
        self.grants.values().copied()
    }
}
