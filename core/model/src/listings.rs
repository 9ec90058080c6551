//! Images that sources list, whether pods run them or not.

use crate::model::{Model, Step};
use crate::{Change, Image, ObservationRefusal, ObservedImage};
use api_vocab::{Digest, SourceId};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// References and pulls that an observation may name.
const MAX_NAMES: usize = 64;
/// Longest of them.
const MAX_NAME: usize = 1024;

/// Which source lists what, by the digest that it gave; aliases lead from there to images.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    sources: BTreeMap<Arc<SourceId>, BTreeSet<Digest>>,
    counts: FxHashMap<Digest, u32>,
}

impl Listings {
    /// A source lists an image; answers whether that is news.
    pub(crate) fn insert(&mut self, source: &Arc<SourceId>, digest: &Digest) -> bool {
        let news = self.sources.entry(Arc::clone(source)).or_default().insert(digest.clone());
        if news {
            *self.counts.entry(digest.clone()).or_default() += 1;
        }
        news
    }

    /// A source lists an image no longer; answers whether it did.
    pub(crate) fn remove(&mut self, source: &Arc<SourceId>, digest: &Digest) -> bool {
        let Some(listed) = self.sources.get_mut(source) else { return false };
        let did = listed.remove(digest);
        if listed.is_empty() {
            self.sources.remove(source);
        }
        if did && let Some(count) = self.counts.get_mut(digest) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(digest);
            }
        }
        did
    }

    /// Whether a source lists the image, by whatever digest.
    pub(crate) fn names(&self, image: &Image) -> bool {
        !self.counts.is_empty()
            && (self.counts.contains_key(&*image.key)
                || image.aliases.iter().any(|alias| self.counts.contains_key(alias)))
    }

    /// What a source lists.
    pub(crate) fn of(&self, source: &SourceId) -> Vec<Digest> {
        self.sources.get(source).into_iter().flatten().cloned().collect()
    }

    /// All of them, by source, then digest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<SourceId>, &Digest)> {
        self.sources.iter().flat_map(|(source, listed)| listed.iter().map(move |digest| (source, digest)))
    }
}

impl Model {
    pub(crate) fn take_image(
        &mut self,
        source: &Arc<SourceId>,
        observed: &ObservedImage,
        step: &mut Step,
    ) -> Result<(), ObservationRefusal> {
        check(observed)?;
        self.identify_listed(observed, source, step);
        if self.listings.insert(source, &observed.digest) {
            let (source, digest) = (Arc::clone(source), observed.digest.clone());
            step.tell(Change::ImageListed { source, digest });
        }
        self.recount_image(&observed.digest, step);
        Ok(())
    }

    pub(crate) fn drop_image(&mut self, source: &Arc<SourceId>, digest: &Digest, step: &mut Step) {
        if self.listings.remove(source, digest) {
            step.tell(Change::ImageUnlisted { source: Arc::clone(source), digest: digest.clone() });
            self.recount_image(digest, step);
        }
    }

    /// What a source listed and does not list among these is gone.
    pub(crate) fn drop_unlisted(&mut self, source: &SourceId, listed: &BTreeSet<Digest>, step: &mut Step) {
        let shared = self.shared.source(source);
        for digest in self.listings.of(source) {
            if !listed.contains(&digest) {
                self.drop_image(&shared, &digest, step);
            }
        }
    }
}

/// Whether an image is of a size that we keep.
fn check(image: &ObservedImage) -> Result<(), ObservationRefusal> {
    let name = || -> Box<str> { image.digest.to_string().into() };
    let count = image.references.len().max(image.repo_digests.len());
    if count > MAX_NAMES {
        return Err(ObservationRefusal::TooManyNames { image: name(), count, max: MAX_NAMES });
    }
    match image.references.iter().map(|reference| reference.len()).find(|length| *length > MAX_NAME) {
        Some(length) => Err(ObservationRefusal::LongName { image: name(), length, max: MAX_NAME }),
        None => Ok(()),
    }
}
