//! The model: one owner, one door.

use crate::images::Images;
use crate::layers::Layers;
use crate::listings::Listings;
use crate::packages::Packages;
use crate::pods::Pods;
use crate::shared::Shared;
use crate::{
    Answer, Applied, Change, Command, Event, Image, PackageId, Pod, PodId, Refusal, Scanner, Settings,
    Source, Stage, Tally,
};
use api_vocab::{Digest, ExtractorSet, Package, RevisionId, ScannerName, SourceId, Timestamp};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything the core knows; changed by [`Model::apply`] alone.
#[derive(Debug)]
pub struct Model {
    pub(crate) settings: Settings,
    pub(crate) last_event: u64,
    pub(crate) shared: Shared,
    pub(crate) sources: BTreeMap<SourceId, Arc<Source>>,
    pub(crate) scanners: BTreeMap<ScannerName, Arc<Scanner>>,
    pub(crate) pods: Pods,
    pub(crate) images: Images,
    pub(crate) listings: Listings,
    pub(crate) layers: Layers,
    pub(crate) packages: Packages,
    pub(crate) tallies: FxHashMap<Arc<Digest>, Tally>,
    pub(crate) revision: Option<RevisionId>,
    pub(crate) extractor_set: Option<ExtractorSet>,
    /// When time was last taken into account.
    pub(crate) swept: Timestamp,
}

/// The changes of the command at hand, and its time.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) now: Timestamp,
    pub(crate) changes: Vec<Change>,
}

impl Step {
    pub(crate) fn tell(&mut self, change: Change) {
        self.changes.push(change);
    }
}

impl Model {
    /// A model that knows nothing.
    pub fn new(settings: Settings) -> Self {
        Model {
            settings,
            last_event: 0,
            shared: Shared::default(),
            sources: BTreeMap::new(),
            scanners: BTreeMap::new(),
            pods: Pods::default(),
            images: Images::default(),
            listings: Listings::default(),
            layers: Layers::default(),
            packages: Packages::default(),
            tallies: FxHashMap::default(),
            revision: None,
            extractor_set: None,
            swept: Timestamp::from_millis(0),
        }
    }

    /// Apply a command at a time: all of it, or nothing.
    pub fn apply(&mut self, command: Command, now: Timestamp) -> Result<Applied, Refusal> {
        let mut step = Step { now, changes: Vec::new() };
        let answer = self.decide(command, &mut step)?;
        let first = self.last_event + 1;
        self.last_event += step.changes.len() as u64;
        let numbered = (first..).zip(step.changes);
        Ok(Applied { answer, events: numbered.map(|(id, change)| Event { id, at: now, change }).collect() })
    }

    fn decide(&mut self, command: Command, step: &mut Step) -> Result<Answer, Refusal> {
        match command {
            Command::Observe { source, observations } => Ok(self.observe(&source, observations, step)),
            Command::ObserveAll { source, pods } => Ok(self.observe_all(&source, pods, step)),
            Command::ObserveRest { source, named, images } => {
                Ok(self.observe_rest(&source, &named, images, step))
            }
            Command::Heartbeat { source } => Ok(self.heartbeat(&source, step)),
            Command::ForgetSource { source } => self.forget_source(&source, step),
            Command::RegisterScanner(registration) => self.register(registration, step),
            Command::Lease { scanner, holds, id } => self.lease(&scanner, &holds, id, step),
            Command::Renew { lease } => self.renew(lease, step),
            Command::AskLayers { lease, identity, layers, extractor_set } => {
                self.ask_layers(lease, &identity, &layers, &extractor_set, step)
            }
            Command::LayerExtracted { lease, diff_id, extractor_set } => {
                self.layer_extracted(lease, &diff_id, &extractor_set, step)
            }
            Command::Report { lease, report } => self.report(lease, *report, step),
            Command::Fail { lease, failure } => self.fail(lease, failure, step),
            Command::Sweep => Ok(self.sweep(step)),
            Command::Rescan { image } => self.rescan(&image, step),
            Command::WantExtractors { extractor_set } => Ok(self.want_extractors(extractor_set, step)),
            Command::Match { revision, findings } => self.take_matches(&revision, findings, step),
            Command::ChangeRevision { revision, below, findings } => {
                Ok(self.change_revision(revision, below, findings, step))
            }
        }
    }

    /// The rules in force.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The advisories in force.
    pub const fn revision(&self) -> Option<&RevisionId> {
        self.revision.as_ref()
    }

    /// The extractors that are wanted.
    pub const fn extractor_set(&self) -> Option<&ExtractorSet> {
        self.extractor_set.as_ref()
    }

    /// The id of the last event.
    pub const fn last_event(&self) -> u64 {
        self.last_event
    }

    /// The image that has this digest, as its key or as an alias.
    pub fn image(&self, digest: &Digest) -> Option<&Arc<Image>> {
        self.images.find(digest)
    }

    /// The image under a lease.
    pub fn image_under(&self, lease: api_vocab::LeaseId) -> Option<&Arc<Image>> {
        self.images.under(lease)
    }

    /// One pod.
    pub fn pod(&self, id: &PodId) -> Option<&Arc<Pod>> {
        self.pods.get(id)
    }

    /// The findings of the image with this key, in numbers; nothing until it was scanned.
    pub fn tally(&self, key: &Digest) -> Option<Tally> {
        self.tallies.get(key).copied()
    }

    /// Packages that were never matched, ascending.
    pub fn unmatched(&self) -> Vec<(PackageId, Arc<Package>)> {
        self.packages.to_match(u32::MAX)
    }

    /// The number that the next new package will get: what [`Command::ChangeRevision`] calls
    /// `below`, if taken before its packages were listed.
    pub fn next_package(&self) -> u32 {
        self.packages.next()
    }

    /// Put an image's new record where the old one was, and tell.
    pub(crate) fn put_image(&mut self, image: Image, step: &mut Step) {
        let image = Arc::new(image);
        let before = self.images.put(Arc::clone(&image), &self.settings);
        let was = before.as_ref().map(|before| before.stage());
        let ended = before.as_ref().and_then(|before| before.lease());
        if let Some(lease) = ended.filter(|lease| image.lease() != Some(*lease)) {
            self.layers.release(lease);
        }
        step.tell(Change::ImageChanged { image: Arc::clone(&image), was });
        let scan_before = before.as_ref().and_then(|before| before.scan.as_ref());
        if let Some(scan) = &image.scan
            && scan_before.is_none_or(|before| !Arc::ptr_eq(before, scan))
        {
            step.tell(Change::ImageScanned { image: Arc::clone(&image.key), scan: Arc::clone(scan) });
            self.scan_replaced(&image.key, scan_before.map(|scan| &**scan), Some(scan), step);
        }
    }

    /// The stage of the image with this key.
    pub fn stage(&self, digest: &Digest) -> Option<Stage> {
        self.images.find(digest).map(|image| image.stage())
    }
}
