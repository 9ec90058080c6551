//! Packages by name, without the names: whoever asks looks at the packages found.

use crate::PackageId;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

/// Which packages may be asked for by a name.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<BTreeSet<(u64, PackageId)>>);

impl Names {
    pub(crate) fn insert(&self, name: &str, id: PackageId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert((hash(name), id));
    }

    pub(crate) fn remove(&self, name: &str, id: PackageId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&(hash(name), id));
    }

    /// All that have the name, ascending; others may be among them.
    pub(crate) fn find(&self, name: &str) -> Vec<PackageId> {
        let hash = hash(name);
        let all = (hash, PackageId::new(0))..=(hash, PackageId::new(u32::MAX));
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.range(all).map(|(_, id)| *id).collect()
    }
}

fn hash(name: &str) -> u64 {
    FxBuildHasher.hash_one(name)
}
