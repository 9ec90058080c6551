//! A store that keeps everything until the process ends: for tests, and for a core that is told to
//! forget.

use crate::{Batch, Blob, Done, Durable, Notices, Store, StoreError};
use api_vocab::{Digest, ExtractorSet, Package, ScannerName, SourceId};
use core_model::{Change, Event, Image, Matched, Notice, PackageId, Pod, PodId, Scanner, Snapshot, Source};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

const NOTICES: usize = 100_000;

/// See the file's first line.
#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rest: Snapshot,
    sources: BTreeMap<SourceId, Arc<Source>>,
    scanners: BTreeMap<ScannerName, Arc<Scanner>>,
    pods: BTreeMap<Arc<PodId>, Arc<Pod>>,
    listings: BTreeSet<(Arc<SourceId>, Digest)>,
    images: BTreeMap<Arc<Digest>, Arc<Image>>,
    packages: BTreeMap<PackageId, Arc<Package>>,
    findings: BTreeMap<PackageId, Matched>,
    layers: BTreeMap<Arc<Digest>, Vec<Arc<ExtractorSet>>>,
    inventories: BTreeMap<Digest, Vec<u8>>,
    layer_blobs: BTreeMap<(Digest, ExtractorSet), Vec<u8>>,
    notices: VecDeque<Notice>,
    forgotten: u64,
}

impl MemoryStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn submit(&self, batch: Batch, done: Done) {
        let started = Instant::now();
        self.kept().take(batch);
        let took = started.elapsed();
        done(Ok(Durable { waited: took, commit: took, batches: 1 }));
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        Ok(self.kept().snapshot())
    }

    fn inventory(&self, image: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept().inventories.get(image).cloned())
    }

    fn layer(&self, diff_id: &Digest, extractor_set: &ExtractorSet) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept().layer_blobs.get(&(diff_id.clone(), extractor_set.clone())).cloned())
    }

    fn notices_after(&self, id: u64, limit: usize) -> Result<Notices, StoreError> {
        let kept = self.kept();
        let from = kept.notices.partition_point(|notice| notice.id <= id);
        let notices = kept.notices.iter().skip(from).take(limit).cloned().collect();
        Ok(Notices { gap: id < kept.forgotten, notices })
    }
}

impl Kept {
    fn take(&mut self, batch: Batch) {
        batch.events.iter().for_each(|event| self.fold(event));
        for blob in batch.blobs {
            match blob {
                Blob::Inventory { image, bytes } => drop(self.inventories.insert(image, bytes)),
                Blob::Layer { diff_id, extractor_set, bytes } => {
                    self.layer_blobs.insert((diff_id, extractor_set), bytes);
                }
            }
        }
        while self.notices.len() > NOTICES {
            self.forgotten = self.notices.pop_front().map_or(self.forgotten, |notice| notice.id);
        }
    }

    fn fold(&mut self, event: &Event) {
        self.rest.last_event = event.id;
        self.notices.extend(event.notice());
        match &event.change {
            Change::SourceChanged(source) => {
                self.sources.insert(source.id.clone(), Arc::clone(source));
            }
            Change::SourceForgotten(id) => drop(self.sources.remove(id)),
            Change::ScannerChanged(scanner) => {
                self.scanners.insert(scanner.registration.name.clone(), Arc::clone(scanner));
            }
            Change::ScannerForgotten(name) => drop(self.scanners.remove(name)),
            Change::PodPresent(pod) => drop(self.pods.insert(Arc::clone(&pod.id), Arc::clone(pod))),
            Change::PodGone(pod) => drop(self.pods.remove(&pod.id)),
            Change::ImageListed { source, digest } => {
                self.listings.insert((Arc::clone(source), digest.clone()));
            }
            Change::ImageUnlisted { source, digest } => {
                self.listings.remove(&(Arc::clone(source), digest.clone()));
            }
            Change::ImageChanged { image, .. } => {
                self.images.insert(Arc::clone(&image.key), Arc::clone(image));
            }
            Change::ImageMerged { alias: gone, .. } | Change::ImageRetired { image: gone } => {
                self.images.remove(gone);
                self.inventories.remove(&**gone);
            }
            Change::PackagesAdded(added) => self.add_packages(added),
            Change::PackagesForgotten(ids) => {
                for id in ids {
                    self.packages.remove(id);
                    self.findings.remove(id);
                }
            }
            Change::PackagesMatched(matched) => self.findings.extend(matched.iter().cloned()),
            Change::RevisionChanged(revision) => self.rest.revision = Some(revision.clone()),
            Change::ExtractorsWanted(set) => self.rest.extractor_set = Some(set.clone()),
            Change::LayerKnown { diff_id, extractor_set } => {
                let sets = self.layers.entry(Arc::clone(diff_id)).or_default();
                sets.push(Arc::clone(extractor_set));
                sets.sort_unstable();
            }
            Change::LayerForgotten { diff_id, extractor_set } => self.forget_layer(diff_id, extractor_set),
            Change::ImageScanned { .. } | Change::FindingsChanged { .. } => {}
        }
    }

    fn add_packages(&mut self, added: &[(PackageId, Arc<Package>)]) {
        for (id, package) in added {
            self.rest.next_package = self.rest.next_package.max(id.number() + 1);
            self.packages.insert(*id, Arc::clone(package));
        }
    }

    fn forget_layer(&mut self, diff_id: &Arc<Digest>, set: &Arc<ExtractorSet>) {
        if let Some(sets) = self.layers.get_mut(diff_id) {
            sets.retain(|known| known != set);
            if sets.is_empty() {
                self.layers.remove(diff_id);
            }
        }
        self.layer_blobs.remove(&((**diff_id).clone(), (**set).clone()));
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            sources: self.sources.values().cloned().collect(),
            scanners: self.scanners.values().cloned().collect(),
            pods: self.pods.values().cloned().collect(),
            listings: self.listings.iter().cloned().collect(),
            images: self.images.values().cloned().collect(),
            packages: self.packages.iter().map(|(id, package)| (*id, Arc::clone(package))).collect(),
            findings: self.findings.iter().map(|(id, matched)| (*id, matched.clone())).collect(),
            layers: self.layers.iter().map(|(id, sets)| (Arc::clone(id), sets.clone())).collect(),
            ..self.rest.clone()
        }
    }
}
