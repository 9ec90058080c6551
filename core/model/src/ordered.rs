//! A concurrent map that is read in pages, in the order of its keys.

use crossbeam_skiplist::SkipSet;
use dashmap::DashMap;
use rustc_hash::FxBuildHasher;
use std::hash::Hash;
use std::ops::Bound;

/// A sharded map.
pub(crate) type Map<K, V> = DashMap<K, V, FxBuildHasher>;

/// Keys in a lock-free ordered set, values in a sharded map: replacing a value never takes its key
/// out of the order, so a page never misses an entry that stays.
pub(crate) struct Ordered<K, V> {
    order: SkipSet<K>,
    values: Map<K, V>,
}

impl<K: Ord + Hash + Clone + Send + 'static, V: Clone> Ordered<K, V> {
    pub(crate) fn new() -> Self {
        Ordered { order: SkipSet::new(), values: Map::default() }
    }

    /// The value of `key`.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.values.get(key).map(|value| value.clone())
    }

    /// Insert or replace; answers what was there.
    pub(crate) fn put(&self, key: K, value: V) -> Option<V> {
        let before = self.values.insert(key.clone(), value);
        if before.is_none() {
            self.order.insert(key);
        }
        before
    }

    /// Remove; answers what was there.
    pub(crate) fn remove(&self, key: &K) -> Option<V> {
        self.order.remove(key);
        self.values.remove(key).map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// At most `limit` values from `from` on, ascending, as long as `within` holds of the key.
    pub(crate) fn page<Q>(&self, from: Bound<&Q>, limit: usize, within: impl Fn(&K) -> bool) -> Vec<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let keys = self.order.range::<Q, _>((from, Bound::Unbounded));
        keys.take_while(|entry| within(entry.value()))
            .filter_map(|entry| self.get::<K>(entry.value()))
            .take(limit)
            .collect()
    }
}
