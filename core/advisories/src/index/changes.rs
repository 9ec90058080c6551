//! What differs between two indexes.

use super::layout::{Index, Row};
use crate::key::lookups;
use api_vocab::Package;
use rustc_hash::FxHashSet;

/// The packages of which another index says something else.
#[derive(Debug, Clone, Default)]
pub struct Changes(FxHashSet<u64>);

impl Changes {
    /// Whether a package must be matched again.
    pub fn touch(&self, package: &Package) -> bool {
        !self.0.is_empty() && lookups(package).any(|lookup| self.0.contains(&lookup.key.hash()))
    }

    /// Whether no package must.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many package names are concerned.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Index {
    /// What this index says otherwise than `old` did. When an advisory was modified without a
    /// difference to matching, nothing has changed.
    pub fn changes_since(&self, old: &Index) -> Changes {
        if self.revision() == old.revision() {
            return Changes::default();
        }
        let rows = |index: &Index| -> FxHashSet<(u64, u64)> {
            index.rows().map(|Row { hash, fingerprint, .. }| (hash, fingerprint)).collect()
        };
        let (ours, theirs) = (rows(self), rows(old));
        Changes(ours.symmetric_difference(&theirs).map(|(hash, _)| *hash).collect())
    }
}
