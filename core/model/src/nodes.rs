//! Nodes: which images they run, and whether a scanner reads their store.

use crate::Registration;
use api_vocab::{Digest, SourceId};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// All nodes that run something or have a scanner, by name; two sources may have nodes of one name.
#[derive(Debug, Default)]
pub(crate) struct Nodes(FxHashMap<Arc<str>, Node>);

#[derive(Debug, Default)]
struct Node {
    places: Vec<Place>,
    /// Sources that each of its scanners reads; none: all.
    staff: Vec<Vec<SourceId>>,
}

/// What the node of one source runs: images, and how many of its pods run each.
#[derive(Debug)]
struct Place {
    source: Arc<SourceId>,
    /// By key; a node runs few, and there are many nodes.
    images: Vec<(Arc<Digest>, u32)>,
}

impl Place {
    fn find(&self, key: &Digest) -> Result<usize, usize> {
        self.images.binary_search_by(|(other, _)| (**other).cmp(key))
    }
}

impl Node {
    fn is_staffed(&self, source: &SourceId) -> bool {
        self.staff.iter().any(|sources| sources.is_empty() || sources.contains(source))
    }
}

/// What an image gains or loses with a pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Nodes that run it.
    pub(crate) nodes: u32,
    /// Of these, nodes that have a scanner.
    pub(crate) staffed: u32,
}

impl Nodes {
    /// Another pod of a node runs the image.
    pub(crate) fn enter(&mut self, name: &Arc<str>, source: &Arc<SourceId>, key: &Arc<Digest>) -> Step {
        let node = self.0.entry(Arc::clone(name)).or_default();
        let staffed = node.is_staffed(source);
        let at = node.places.iter().position(|place| place.source == *source);
        let at = at.unwrap_or_else(|| {
            node.places.push(Place { source: Arc::clone(source), images: Vec::new() });
            node.places.len() - 1
        });
        let Some(place) = node.places.get_mut(at) else { return Step::default() };
        match place.find(key) {
            Ok(at) => {
                if let Some((_, count)) = place.images.get_mut(at) {
                    *count += 1;
                }
                Step::default()
            }
            Err(at) => {
                place.images.insert(at, (Arc::clone(key), 1));
                Step { nodes: 1, staffed: staffed.into() }
            }
        }
    }

    /// Undo a [`Nodes::enter`].
    pub(crate) fn leave(&mut self, name: &Arc<str>, source: &Arc<SourceId>, key: &Digest) -> Step {
        let Some(node) = self.0.get_mut(name) else { return Step::default() };
        let staffed = node.is_staffed(source);
        let Some(place) = node.places.iter_mut().find(|place| place.source == *source) else {
            return Step::default();
        };
        let Ok(at) = place.find(key) else { return Step::default() };
        let Some((_, count)) = place.images.get_mut(at) else { return Step::default() };
        *count = count.saturating_sub(1);
        if *count > 0 {
            return Step::default();
        }
        place.images.remove(at);
        node.places.retain(|place| !place.images.is_empty());
        self.drop_empty(name);
        Step { nodes: 1, staffed: staffed.into() }
    }

    fn drop_empty(&mut self, name: &str) {
        if self.0.get(name).is_some_and(|node| node.places.is_empty() && node.staff.is_empty()) {
            self.0.remove(name);
        }
    }

    /// A scanner comes to its node (or leaves it): the images that have (or lose) the first (or the
    /// last) scanner of a node by that.
    pub(crate) fn staff(&mut self, scanner: &Registration, comes: bool) -> Vec<Arc<Digest>> {
        let Some(name) = &scanner.node else { return Vec::new() };
        // One that reads some platforms only is no reason for an image to wait.
        if !scanner.platforms.is_empty() {
            return Vec::new();
        }
        let node = self.0.entry(Arc::clone(name)).or_default();
        let staffed = |node: &Node| -> Vec<bool> {
            node.places.iter().map(|place| node.is_staffed(&place.source)).collect()
        };
        let before = staffed(node);
        if comes {
            node.staff.push(scanner.sources.clone());
        } else if let Some(at) = node.staff.iter().position(|sources| *sources == scanner.sources) {
            node.staff.swap_remove(at);
        }
        let now = staffed(node);
        let changed = node.places.iter().zip(before.iter().zip(&now)).filter(|(_, (was, is))| was != is);
        let keys =
            changed.flat_map(|(place, _)| place.images.iter().map(|(key, _)| Arc::clone(key))).collect();
        self.drop_empty(name);
        keys
    }

    /// Whether a scanner's node runs the image.
    pub(crate) fn runs(&self, scanner: &Registration, key: &Digest) -> bool {
        let node = scanner.node.as_ref().and_then(|name| self.0.get(name));
        let mut places = node.into_iter().flat_map(|node| &node.places);
        places.any(|place| scanner.reaches(&place.source) && place.find(key).is_ok())
    }

    /// Images that a scanner's node runs.
    pub(crate) fn near<'a>(&'a self, scanner: &'a Registration) -> impl Iterator<Item = &'a Arc<Digest>> {
        let node = scanner.node.as_ref().and_then(|name| self.0.get(name));
        let places = node.into_iter().flat_map(|node| &node.places);
        places
            .filter(|place| scanner.reaches(&place.source))
            .flat_map(|place| place.images.iter().map(|(key, _)| key))
    }
}
