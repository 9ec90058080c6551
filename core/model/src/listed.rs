//! What sources list, as readers see it.

use crate::ordered::Map;
use crate::{Image, Pod, PodId, View};
use api_vocab::{Digest, PodKey, SourceId};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// Which source lists what, by the digest that it gave.
#[derive(Default)]
pub(crate) struct Listed(Map<SourceId, BTreeSet<Digest>>);

impl Listed {
    pub(crate) fn insert(&self, source: &SourceId, digest: &Digest) {
        self.0.entry(source.clone()).or_default().insert(digest.clone());
    }

    pub(crate) fn remove(&self, source: &SourceId, digest: &Digest) {
        if let Some(mut listed) = self.0.get_mut(source) {
            listed.remove(digest);
        }
        self.0.remove_if(source, |_, listed| listed.is_empty());
    }
}

impl View {
    /// Digests by which `source` lists images, after `after`, ascending.
    pub fn listed_after(&self, source: &SourceId, after: Option<&Digest>, limit: usize) -> Vec<Digest> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listed = self.listed.0.get(source);
        listed.map_or_else(Vec::new, |listed| {
            listed.range::<Digest, _>((from, Bound::Unbounded)).take(limit).cloned().collect()
        })
    }

    /// Those of an image's digests by which `source` lists it.
    pub fn listed_as(&self, source: &SourceId, image: &Image) -> Vec<Digest> {
        let Some(listed) = self.listed.0.get(source) else { return Vec::new() };
        let names = std::iter::once(&*image.key).chain(&image.aliases);
        names.filter(|digest| listed.contains(*digest)).cloned().collect()
    }

    /// Pods of `source` that run the image with this key, after `after`, by key.
    pub fn pods_of_image_in(
        &self,
        source: &SourceId,
        key: &Digest,
        after: Option<&PodKey>,
        limit: usize,
    ) -> Vec<Arc<Pod>> {
        let Some((first, bounded)) = PodId::first_of(source, None, after) else { return Vec::new() };
        let from = if bounded { Bound::Excluded(&first) } else { Bound::Included(&first) };
        let Some(ids) = self.usage.get(key) else { return Vec::new() };
        let ids = ids.range::<PodId, _>((from, Bound::Unbounded));
        let ids = ids.take_while(|id| *id.source == *source);
        ids.filter_map(|id| self.pods.get::<PodId>(id)).take(limit).collect()
    }
}
