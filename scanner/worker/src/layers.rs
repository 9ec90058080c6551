//! The layers of an image that are at hand, and what they may take in memory together.
//!
//! Each layer is kept within the engine's budget; an image may have hundreds of them.

use api_vocab::{Digest, Problem, ProblemCode};
use scanner_extract::LayerInventory;
use std::collections::HashMap;

/// Memory, roughly, that all layers of an image may take, in bytes: a hundred thousand packages and
/// a million files take two thirds of it.
const KEPT: usize = 64 << 20;

/// Layers by diff-id.
pub(crate) struct Layers {
    by_digest: HashMap<Digest, LayerInventory>,
    left: usize,
}

impl Default for Layers {
    fn default() -> Self {
        Layers::within(KEPT)
    }
}

impl Layers {
    fn within(bytes: usize) -> Self {
        Layers { by_digest: HashMap::new(), left: bytes }
    }

    /// Keep a layer; what would take too much memory only as the problem that it does.
    pub(crate) fn insert(&mut self, diff_id: Digest, layer: LayerInventory) {
        let kept = match self.left.checked_sub(layer.weight()) {
            Some(left) => {
                self.left = left;
                layer
            }
            None => without_content(layer),
        };
        self.by_digest.insert(diff_id, kept);
    }

    pub(crate) fn has(&self, diff_id: &Digest) -> bool {
        self.by_digest.contains_key(diff_id)
    }

    /// Those of `wanted` that are not at hand.
    pub(crate) fn missing<'d>(&self, wanted: impl IntoIterator<Item = &'d Digest>) -> Vec<Digest> {
        wanted.into_iter().filter(|diff_id| !self.has(diff_id)).cloned().collect()
    }

    /// In the image's order, bottom first; nothing if one is missing. Of a layer that occurs twice
    /// only the upper one counts: it brings and hides all that the lower one does.
    pub(crate) fn in_order(mut self, order: &[Digest]) -> Option<Vec<LayerInventory>> {
        let mut ordered = Vec::with_capacity(order.len());
        for (at, diff_id) in order.iter().enumerate() {
            let comes_again = order.iter().skip(at + 1).any(|later| later == diff_id);
            if !comes_again {
                ordered.push(self.by_digest.remove(diff_id)?);
            }
        }
        Some(ordered)
    }
}

fn without_content(layer: LayerInventory) -> LayerInventory {
    let detail = "more was found than is kept of an image";
    LayerInventory {
        diff_id: layer.diff_id,
        digest: layer.digest,
        size: layer.size,
        problems: vec![Problem::new(ProblemCode::TooManyEntries, "", detail)],
        ..LayerInventory::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::sha256([byte; 32])
    }

    fn a_layer(byte: u8) -> LayerInventory {
        let shadows = (0..100).collect();
        LayerInventory { diff_id: Some(digest(byte)), shadows, ..LayerInventory::default() }
    }

    #[test]
    fn layer_that_would_take_too_much_is_a_problem() {
        let mut layers = Layers::within(1_000);
        for byte in 1..=3 {
            layers.insert(digest(byte), a_layer(byte));
        }
        let ordered = layers.in_order(&[digest(1), digest(2), digest(3)]).unwrap();
        let kept: Vec<usize> = ordered.iter().map(|layer| layer.shadows.len()).collect();
        let problems: Vec<usize> = ordered.iter().map(|layer| layer.problems.len()).collect();
        assert_eq!((kept, problems), (vec![100, 0, 0], vec![0, 1, 1]));
    }

    #[test]
    fn layer_that_occurs_twice_counts_where_it_is_uppermost() {
        let mut layers = Layers::default();
        layers.insert(digest(1), a_layer(1));
        layers.insert(digest(2), a_layer(2));
        let ordered = layers.in_order(&[digest(1), digest(2), digest(1), digest(1)]).unwrap();
        let order: Vec<_> = ordered.into_iter().map(|layer| layer.diff_id.unwrap()).collect();
        assert_eq!(order, [digest(2), digest(1)]);
    }

    #[test]
    fn layer_that_is_missing_is_missed() {
        let mut layers = Layers::default();
        layers.insert(digest(1), a_layer(1));
        assert_eq!(layers.missing(&[digest(1), digest(2)]), [digest(2)]);
        assert!(layers.in_order(&[digest(1), digest(2)]).is_none());
    }
}
