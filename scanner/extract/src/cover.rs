//! What layers hide of those beneath them, gathered from the top down: each layer is looked at once,
//! however many lie beneath it.

use crate::layer::LayerInventory;
use crate::shadow;
use std::collections::HashSet;

/// What a number of layers hide together.
#[derive(Debug, Default)]
pub(crate) struct Cover<'l> {
    /// Hashes of paths, sorted.
    shadows: Vec<u64>,
    whiteouts: HashSet<&'l str>,
    /// Folders whose earlier content is hidden; the root is empty.
    opaques: HashSet<&'l str>,
}

impl<'l> Cover<'l> {
    /// Lays a layer beneath: from now on it hides too.
    pub(crate) fn add(&mut self, layer: &'l LayerInventory) {
        if !layer.shadows.is_empty() {
            self.shadows = merged(&self.shadows, &layer.shadows);
        }
        self.whiteouts.extend(layer.whiteouts.iter().map(|path| &**path));
        self.opaques.extend(layer.opaques.iter().map(|path| &**path));
    }

    /// Whether something that is no folder is hidden at `path`.
    pub(crate) fn hides(&self, path: &str) -> bool {
        self.opaques.contains("")
            || self.shadows.binary_search(&shadow::of_folder(path)).is_ok()
            || shadow::lineage(path).any(|one| {
                self.whiteouts.contains(one) || self.shadows.binary_search(&shadow::of_path(one)).is_ok()
            })
            || shadow::lineage(path).skip(1).any(|folder| self.opaques.contains(folder))
    }
}

/// Both lists in one, in order, each value once.
fn merged(one: &[u64], other: &[u64]) -> Vec<u64> {
    let mut merged = Vec::with_capacity(one.len() + other.len());
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    loop {
        let next = match (one.peek(), other.peek()) {
            (Some(a), Some(b)) if a <= b => one.next(),
            (Some(_), None) => one.next(),
            _ => other.next(),
        };
        let Some(next) = next else { return merged };
        if merged.last() != Some(next) {
            merged.push(*next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_merged_are_sorted_and_have_each_value_once(
            mut one in proptest::collection::vec(0..50_u64, 0..20),
            mut other in proptest::collection::vec(0..50_u64, 0..20),
        ) {
            one.sort_unstable();
            other.sort_unstable();
            let mut wanted = [one.clone(), other.clone()].concat();
            wanted.sort_unstable();
            wanted.dedup();
            prop_assert_eq!(merged(&one, &other), wanted);
        }
    }
}
