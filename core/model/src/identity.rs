//! Which digests are the same content.
//!
//! Runtimes report index, manifest or config digests and do not say which. A config's digest names
//! content, a manifest's too; an index's does not: it stands for one content per platform. So an
//! alias that may be an index's belongs to the first image that claims it, and two images whose
//! config digests or platforms differ are never taken for one.

use crate::life::{Circumstances, Happening, next};
use crate::model::{Model, Step};
use crate::{Change, Identity, Image, MAX_REFERENCES, ObservedContainer, ObservedImage, Pod, Scan, State};
use api_vocab::{Digest, ImageRef, LeaseId, SourceId};
use std::cmp::Reverse;
use std::sync::Arc;

/// Digests that one container may say to be of its image's content; more are left out.
const MAX_CLAIMED: usize = 64;

/// Digests that are said to be of one content.
#[derive(Debug, Default)]
struct Claim<'a> {
    identity: Identity,
    /// Digests that may be an index's.
    weak: Vec<&'a Digest>,
    /// The lease of whoever claims it, to be kept when two are in force.
    asking: Option<LeaseId>,
}

impl Model {
    /// The digest by which a container's image is known from now on; nothing while it is
    /// unresolved.
    pub(crate) fn identify(
        &mut self,
        container: &ObservedContainer,
        source: &Arc<SourceId>,
        step: &mut Step,
    ) -> Option<Digest> {
        let (digest, pull) = match &container.reported {
            Some(reported) => (reported.digest.clone(), reported.reference.clone()),
            None => {
                let asked: ImageRef = container.reference.parse().ok()?;
                (asked.digest()?.clone(), Some(asked))
            }
        };
        let mut weak: Vec<&Digest> = container.repo_digests.iter().filter_map(ImageRef::digest).collect();
        // An engine that calls an image by none of its manifests calls it by its config.
        let config = (!weak.is_empty() && !weak.contains(&&digest)).then(|| digest.clone());
        weak.truncate(MAX_CLAIMED);
        let claim = Claim { identity: Identity { config, ..Identity::default() }, weak, asking: None };
        self.know(&digest, &claim, step);
        let key = self.join(&digest, &claim, step)?;
        let pulls = pull.iter().chain(container.repo_digests.iter().take(MAX_CLAIMED)).map(pull_text);
        self.seen(&key, &[&container.reference], pulls.collect(), source, step);
        Some(digest)
    }

    /// The same for an image that a source lists. It may list any kind of digest, so that nothing
    /// follows from what it does not name.
    pub(crate) fn identify_listed(
        &mut self,
        observed: &ObservedImage,
        source: &Arc<SourceId>,
        step: &mut Step,
    ) {
        let weak = observed.repo_digests.iter().filter_map(ImageRef::digest).collect();
        let claim = Claim { weak, ..Claim::default() };
        self.know(&observed.digest, &claim, step);
        let Some(key) = self.join(&observed.digest, &claim, step) else { return };
        let references: Vec<&str> = observed.references.iter().map(|reference| &**reference).collect();
        let pulls = observed.repo_digests.iter().map(pull_text).collect();
        self.seen(&key, &references, pulls, source, step);
    }

    /// What a scanner found an image to be; answers the image's key from now on.
    pub(crate) fn identified(
        &mut self,
        key: &Digest,
        identity: &Identity,
        asking: Option<LeaseId>,
        step: &mut Step,
    ) -> Option<Arc<Digest>> {
        let weak = identity.index.iter().collect();
        self.join(key, &Claim { identity: identity.clone(), weak, asking }, step)
    }

    /// Make sure that some image has this digest.
    fn know(&mut self, digest: &Digest, claim: &Claim<'_>, step: &mut Step) {
        if self.images.find(digest).is_some() {
            return;
        }
        let other = claim.weak.iter().filter_map(|weak| self.images.find(weak));
        let other = other.into_iter().find(|image| agrees(image, &claim.identity)).cloned();
        let image = match other {
            Some(image) => {
                let mut image = (*image).clone();
                add(&mut image.aliases, digest.clone(), usize::MAX);
                image
            }
            None => new_image(digest, step),
        };
        self.put_image(image, step);
    }

    /// Connect an image with what is claimed of it; answers its key from now on.
    fn join(&mut self, digest: &Digest, claim: &Claim<'_>, step: &mut Step) -> Option<Arc<Digest>> {
        let image = Arc::clone(self.images.find(digest)?);
        if !agrees(&image, &claim.identity) {
            return Some(Arc::clone(&image.key));
        }
        let Identity { config, manifest, platform, .. } = &claim.identity;
        let named = || config.iter().chain(manifest).chain(claim.weak.iter().copied());
        if platform.is_none() && named().next().is_none() {
            return Some(Arc::clone(&image.key));
        }
        let unknown: Vec<_> = named().filter(|other| self.images.find(other).is_none()).collect();
        let learned = image.config.is_none() && config.is_some();
        if learned || !unknown.is_empty() || image.platform.is_none() && platform.is_some() {
            let mut joined = (*image).clone();
            joined.config = joined.config.or_else(|| config.clone());
            joined.platform = joined.platform.or_else(|| platform.clone());
            for other in unknown {
                add(&mut joined.aliases, other.clone(), usize::MAX);
            }
            self.put_image(joined, step);
        }
        for other in named() {
            self.unite(digest, other, claim.asking, step);
        }
        self.images.find(digest).map(|image| Arc::clone(&image.key))
    }

    /// Make one image of the two that have these digests, unless they are one or cannot be.
    fn unite(&mut self, one: &Digest, other: &Digest, asking: Option<LeaseId>, step: &mut Step) {
        let (Some(one), Some(other)) = (self.images.find(one), self.images.find(other)) else { return };
        if one.key == other.key || !are_compatible(one, other) {
            return;
        }
        let (one, other) = (Arc::clone(one), Arc::clone(other));
        let (kept, gone) = if self.is_better(&other, &one) { (other, one) } else { (one, other) };
        self.merge(&kept, &gone, asking, step);
    }

    /// Whether the first of two images keeps its key: the one with the better inventory, or
    /// without any the one further in its life, or the older.
    fn is_better(&self, one: &Image, other: &Image) -> bool {
        let worth = |image: &Image| (self.scan_worth(image.scan.as_deref()), self.state_rank(image, None));
        let age = |image: &Image| (Reverse(image.first_seen), Reverse(Arc::clone(&image.key)));
        (worth(one), age(one)) > (worth(other), age(other))
    }

    fn scan_worth(&self, scan: Option<&Scan>) -> impl Ord + use<> {
        scan.map(|scan| (self.is_current(scan), !scan.is_partial(), scan.at))
    }

    pub(crate) fn is_current(&self, scan: &Scan) -> bool {
        self.extractor_set.as_ref().is_none_or(|wanted| *wanted == scan.extractor_set)
    }

    fn state_rank(&self, image: &Image, asking: Option<LeaseId>) -> u8 {
        match &image.state {
            State::Scanned if image.scan.as_ref().is_some_and(|scan| self.is_current(scan)) => 6,
            State::Leased { lease, .. } if asking == Some(*lease) => 5,
            State::Leased { .. } => 4,
            State::Queued { .. } => 3,
            State::Scanned => 2,
            State::Backoff { .. } => 1,
            State::Unscannable { .. } => 0,
        }
    }

    fn merge(&mut self, kept: &Image, gone: &Image, asking: Option<LeaseId>, step: &mut Step) {
        let leads = self.state_rank(gone, asking) > self.state_rank(kept, asking);
        let merged = union(kept, gone, if leads { &gone.state } else { &kept.state });
        self.images.remove(&gone.key, &self.settings);
        if let Some(lease) = gone.lease().filter(|lease| merged.lease() != Some(*lease)) {
            self.layers.release(lease);
        }
        self.put_image(merged, step);
        self.repoint(&gone.key, &kept.key, step);
        step.tell(Change::ImageMerged { image: Arc::clone(&kept.key), alias: Arc::clone(&gone.key) });
        self.scan_replaced(&gone.key, gone.scan.as_deref(), None, step);
    }

    /// Pods that ran `gone` run `kept`.
    fn repoint(&mut self, gone: &Arc<Digest>, kept: &Arc<Digest>, step: &mut Step) {
        let mut ids: Vec<_> =
            self.images.usage(gone).into_iter().flat_map(|usage| usage.pods.iter().cloned()).collect();
        ids.sort_unstable();
        for id in ids {
            let Some(pod) = self.pods.get(&id) else { continue };
            let mut containers = pod.containers.to_vec();
            for container in &mut containers {
                if container.image.as_ref() == Some(gone) {
                    container.image = Some(Arc::clone(kept));
                }
            }
            let pod = Pod { containers: self.shared.containers(containers), ..(**pod).clone() };
            self.place_pod(pod, step);
        }
    }

    /// Remember where an image was seen; a place that is new may help one that failed.
    fn seen(
        &mut self,
        key: &Digest,
        references: &[&str],
        pulls: Vec<String>,
        source: &Arc<SourceId>,
        step: &mut Step,
    ) {
        let Some(image) = self.images.find(key) else { return };
        let new = |list: &[Arc<str>], text: &str| {
            list.len() < MAX_REFERENCES && list.binary_search_by(|known| (**known).cmp(text)).is_err()
        };
        let news = references.iter().any(|reference| new(&image.references, reference))
            || pulls.iter().any(|pull| new(&image.pulls, pull))
            || image.sources.binary_search(source).is_err();
        if !news {
            return;
        }
        let mut image = (**image).clone();
        for reference in references {
            add(&mut image.references, self.shared.text(reference), MAX_REFERENCES);
        }
        for pull in pulls {
            add(&mut image.pulls, pull.into(), MAX_REFERENCES);
        }
        add(&mut image.sources, Arc::clone(source), usize::MAX);
        let at = Circumstances { key, now: step.now, settings: &self.settings };
        if let Ok(state) = next(&image.state, &Happening::NewPlace, at) {
            image.state = state;
        }
        self.put_image(image, step);
    }
}

fn new_image(digest: &Digest, step: &Step) -> Image {
    Image {
        key: Arc::new(digest.clone()),
        aliases: Vec::new(),
        config: None,
        references: Vec::new(),
        pulls: Vec::new(),
        sources: Vec::new(),
        platform: None,
        first_seen: step.now,
        unused_since: None,
        state: State::Queued { since: step.now, failed: 0, asked: false, missed: Vec::new() },
        scan: None,
    }
}

/// Both images' names under the key and with the inventory of `kept`.
fn union(kept: &Image, gone: &Image, state: &State) -> Image {
    let mut merged = kept.clone();
    for alias in gone.aliases.iter().chain([&*gone.key]).filter(|alias| **alias != *kept.key) {
        add(&mut merged.aliases, alias.clone(), usize::MAX);
    }
    for reference in &gone.references {
        add(&mut merged.references, Arc::clone(reference), MAX_REFERENCES);
    }
    for pull in &gone.pulls {
        add(&mut merged.pulls, Arc::clone(pull), MAX_REFERENCES);
    }
    for source in &gone.sources {
        add(&mut merged.sources, Arc::clone(source), usize::MAX);
    }
    merged.config = merged.config.or_else(|| gone.config.clone());
    merged.platform = merged.platform.or_else(|| gone.platform.clone());
    merged.first_seen = kept.first_seen.min(gone.first_seen);
    merged.unused_since = kept.unused_since.zip(gone.unused_since).map(|(one, other)| one.max(other));
    merged.state = state.clone();
    merged
}

fn differ<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

fn agrees(image: &Image, identity: &Identity) -> bool {
    !differ(image.config.as_ref(), identity.config.as_ref())
        && !differ(image.platform.as_ref(), identity.platform.as_ref())
}

fn are_compatible(one: &Image, other: &Image) -> bool {
    !differ(one.config.as_ref(), other.config.as_ref())
        && !differ(one.platform.as_ref(), other.platform.as_ref())
}

/// Insert into a sorted list, if there is room; answers whether it was not there.
fn add<T: Ord>(list: &mut Vec<T>, value: T, max: usize) -> bool {
    match list.binary_search(&value) {
        Err(place) if list.len() < max => {
            list.insert(place, value);
            true
        }
        _ => false,
    }
}

/// The text under which a reference that names a digest is kept.
fn pull_text(reference: &ImageRef) -> String {
    match reference.digest() {
        Some(digest) => format!("{}@{digest}", reference.name()),
        None => reference.to_string(),
    }
}
