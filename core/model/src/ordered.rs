//! A map for one writer and many readers, read in pages, in the order of its keys.

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A sharded map.
pub(crate) type Map<K, V> = DashMap<K, V, FxBuildHasher>;

/// Values by key. Whoever reads a page holds the lock for as long as it takes to copy it: values
/// are small, and a page is.
pub(crate) struct Ordered<K, V>(RwLock<BTreeMap<K, V>>);

impl<K: Ord, V: Clone> Ordered<K, V> {
    pub(crate) fn new() -> Self {
        Ordered(RwLock::new(BTreeMap::new()))
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<K, V>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<K, V>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of `key`.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.read().get(key).cloned()
    }

    /// Insert or replace; answers what was there.
    pub(crate) fn put(&self, key: K, value: V) -> Option<V> {
        self.write().insert(key, value)
    }

    /// Remove; answers what was there.
    pub(crate) fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.write().remove(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.read().len()
    }

    /// At most `limit` values from `from` on, ascending, as long as `within` holds of the key.
    pub(crate) fn page<Q>(&self, from: Bound<&Q>, limit: usize, within: impl Fn(&K) -> bool) -> Vec<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let entries = self.read();
        let entries = entries.range::<Q, _>((from, Bound::Unbounded));
        entries.take_while(|(key, _)| within(key)).map(|(_, value)| value.clone()).take(limit).collect()
    }
}
