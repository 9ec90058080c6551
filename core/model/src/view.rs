//! What readers see: concurrent maps of the model's records, folded from durable events.

use crate::listed::Listed;
use crate::names::Names;
use crate::ordered::{Map, Ordered};
use crate::postings::Postings;
use crate::{
    Change, Event, Finding, Image, Matched, PackageId, PackageIds, Pod, PodId, Scanner, Snapshot, Source,
    Tally, Totals,
};
use api_vocab::{Digest, Package, PodKey, ScannerName, SourceId};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Everything readers ask. One thread folds events in, any number of threads read.
pub struct View {
    sources: Ordered<SourceId, Arc<Source>>,
    scanners: Ordered<ScannerName, Arc<Scanner>>,
    pub(crate) pods: Ordered<Arc<PodId>, Arc<Pod>>,
    images: Ordered<Arc<Digest>, Arc<Image>>,
    keys: Map<Digest, Arc<Digest>>,
    pub(crate) usage: Map<Arc<Digest>, BTreeSet<Arc<PodId>>>,
    pub(crate) listed: Listed,
    tallies: Map<Arc<Digest>, Tally>,
    packages: Ordered<PackageId, FleetPackage>,
    holders: Map<PackageId, Postings>,
    numbers: Map<Arc<Digest>, u32>,
    numbered: Map<u32, Arc<Digest>>,
    next_number: AtomicU32,
    names: Names,
    pods_by_source: Map<SourceId, u64>,
    totals: RwLock<Totals>,
}

/// A package of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetPackage {
    /// Its number; lists are in this order.
    pub id: PackageId,
    /// What it is.
    pub package: Arc<Package>,
    /// What matching said of it; nothing until it was matched.
    pub matched: Option<Matched>,
}

impl FleetPackage {
    /// Its findings; none until it was matched.
    pub fn findings(&self) -> &[Finding] {
        self.matched.as_ref().map_or(&[], |matched| &matched.findings)
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

impl Default for View {
    fn default() -> Self {
        View {
            sources: Ordered::new(),
            scanners: Ordered::new(),
            pods: Ordered::new(),
            images: Ordered::new(),
            keys: Map::default(),
            usage: Map::default(),
            listed: Listed::default(),
            tallies: Map::default(),
            packages: Ordered::new(),
            holders: Map::default(),
            numbers: Map::default(),
            numbered: Map::default(),
            next_number: AtomicU32::new(0),
            names: Names::default(),
            pods_by_source: Map::default(),
            totals: RwLock::default(),
        }
    }
}

/// Asking.
impl View {
    /// One source.
    pub fn source(&self, id: &SourceId) -> Option<Arc<Source>> {
        self.sources.get(id)
    }

    /// Sources after `after`, by id.
    pub fn sources_after(&self, after: Option<&SourceId>, limit: usize) -> Vec<Arc<Source>> {
        self.sources.page(from(after), limit, |_| true)
    }

    /// How many pods a source has.
    pub fn pods_in(&self, source: &SourceId) -> u64 {
        self.pods_by_source.get(source).map_or(0, |count| *count)
    }

    /// One scanner.
    pub fn scanner(&self, name: &ScannerName) -> Option<Arc<Scanner>> {
        self.scanners.get(name)
    }

    /// Scanners after `after`, by name.
    pub fn scanners_after(&self, after: Option<&ScannerName>, limit: usize) -> Vec<Arc<Scanner>> {
        self.scanners.page(from(after), limit, |_| true)
    }

    /// One pod.
    pub fn pod(&self, id: &PodId) -> Option<Arc<Pod>> {
        self.pods.get(id)
    }

    /// Pods after `after`, by source, then key.
    pub fn pods_after(&self, after: Option<&PodId>, limit: usize) -> Vec<Arc<Pod>> {
        self.pods.page(from(after), limit, |_| true)
    }

    /// Pods of one source after `after`, by key; of one namespace if it is named.
    pub fn pods_of_source_after(
        &self,
        source: &SourceId,
        namespace: Option<&str>,
        after: Option<&PodKey>,
        limit: usize,
    ) -> Vec<Arc<Pod>> {
        let Some((first, bounded)) = PodId::first_of(source, namespace, after) else {
            return Vec::new();
        };
        let within = |id: &Arc<PodId>| {
            *id.source == *source && namespace.is_none_or(|namespace| id.key.namespace() == namespace)
        };
        let from = if bounded { Bound::Excluded(&first) } else { Bound::Included(&first) };
        self.pods.page(from, limit, within)
    }

    /// Pods that run the image with this key after `after`, by source, then key.
    pub fn pods_of_image_after(&self, key: &Digest, after: Option<&PodId>, limit: usize) -> Vec<Arc<Pod>> {
        let ids: Vec<Arc<PodId>> = match self.usage.get(key) {
            Some(ids) => {
                ids.range::<PodId, _>((from(after), Bound::Unbounded)).take(limit).cloned().collect()
            }
            None => Vec::new(),
        };
        ids.iter().filter_map(|id| self.pods.get(&**id)).collect()
    }

    /// How many pods run the image with this key.
    pub fn pods_of_image(&self, key: &Digest) -> u64 {
        self.usage.get(key).map_or(0, |ids| ids.len() as u64)
    }

    /// The image that has this digest, as its key or as an alias.
    pub fn image(&self, digest: &Digest) -> Option<Arc<Image>> {
        self.images.get(digest).or_else(|| {
            let key = self.keys.get(digest).map(|key| Arc::clone(&key))?;
            self.images.get(&*key)
        })
    }

    /// Images after `after`, by key.
    pub fn images_after(&self, after: Option<&Digest>, limit: usize) -> Vec<Arc<Image>> {
        self.images.page(from(after), limit, |_| true)
    }

    /// The findings of the image with this key, in numbers; nothing until it was scanned.
    pub fn tally(&self, key: &Digest) -> Option<Tally> {
        self.tallies.get(key).map(|tally| *tally)
    }

    /// One package.
    pub fn package(&self, id: PackageId) -> Option<FleetPackage> {
        self.packages.get(&id)
    }

    /// Packages after `after`, by number.
    pub fn packages_after(&self, after: Option<PackageId>, limit: usize) -> Vec<FleetPackage> {
        self.packages.page(from(after.as_ref()), limit, |_| true)
    }

    /// Packages of this exact name, source package name, or Maven artifact id; ascending.
    pub fn packages_named(&self, name: &str) -> Vec<FleetPackage> {
        let found = self.names.find(name).into_iter().filter_map(|id| self.packages.get(&id));
        found.filter(|fleet| names(&fleet.package).any(|other| other == name)).collect()
    }

    /// Keys of the images that hold a package, ascending.
    pub fn images_with(&self, package: PackageId) -> Vec<Arc<Digest>> {
        let numbers = self.holders.get(&package).map(|numbers| numbers.clone()).unwrap_or_default();
        let keys = numbers.iter().filter_map(|number| self.numbered.get(&number).map(|key| Arc::clone(&key)));
        let mut keys: Vec<Arc<Digest>> = keys.collect();
        keys.sort_unstable();
        keys
    }

    /// How many images hold a package.
    pub fn images_with_count(&self, package: PackageId) -> u64 {
        self.holders.get(&package).map_or(0, |images| u64::from(images.len()))
    }

    /// The packages of an image with their findings, by number; nothing until it was scanned.
    pub fn packages_of(&self, image: &Image) -> Vec<FleetPackage> {
        let ids = image.scan.iter().flat_map(|scan| scan.packages.iter());
        ids.filter_map(|id| self.packages.get(&id)).collect()
    }

    /// The fleet in numbers.
    pub fn totals(&self) -> Totals {
        self.totals.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many pods there are.
    pub fn pod_count(&self) -> u64 {
        self.pods.len() as u64
    }

    /// How many images there are.
    pub fn image_count(&self) -> u64 {
        self.images.len() as u64
    }

    /// How many different packages there are.
    pub fn package_count(&self) -> u64 {
        self.packages.len() as u64
    }

    /// How many sources there are.
    pub fn source_count(&self) -> u64 {
        self.sources.len() as u64
    }

    /// How many scanners there are.
    pub fn scanner_count(&self) -> u64 {
        self.scanners.len() as u64
    }
}

fn from<K: ?Sized>(after: Option<&K>) -> Bound<&K> {
    after.map_or(Bound::Unbounded, Bound::Excluded)
}

/// Folding.
impl View {
    /// All of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let view = View::default();
        snapshot.sources.iter().for_each(|source| view.put_source(source));
        snapshot.scanners.iter().for_each(|scanner| view.put_scanner(scanner));
        view.add_packages(&snapshot.packages);
        view.put_findings(&snapshot.findings);
        for image in &snapshot.images {
            view.put_image(image);
            if let Some(scan) = &image.scan {
                view.put_tally(&image.key, view.count(&scan.packages));
            }
        }
        snapshot.pods.iter().for_each(|pod| view.put_pod(pod));
        snapshot.listings.iter().for_each(|(source, digest)| view.listed.insert(source, digest));
        view.change_totals(|totals| {
            totals.revision = snapshot.revision.clone();
            totals.extractor_set = snapshot.extractor_set.clone();
            totals.last_event = snapshot.last_event;
        });
        view
    }

    /// Take in one durable event; events come in ascending order, from one thread.
    pub fn fold(&self, event: &Event) {
        match &event.change {
            Change::SourceChanged(source) => self.put_source(source),
            Change::SourceForgotten(id) => drop(self.sources.remove(id)),
            Change::ScannerChanged(scanner) => self.put_scanner(scanner),
            Change::ScannerForgotten(name) => drop(self.scanners.remove(name)),
            Change::PodPresent(pod) => self.put_pod(pod),
            Change::PodGone(pod) => self.remove_pod(&pod.id),
            Change::ImageChanged { image, .. } => self.put_image(image),
            Change::ImageMerged { alias, .. } => self.remove_image(alias),
            Change::ImageRetired { image } => self.remove_image(image),
            Change::PackagesAdded(packages) => self.add_packages(packages),
            Change::PackagesForgotten(ids) => ids.iter().for_each(|id| self.remove_package(*id)),
            Change::PackagesMatched(findings) => self.put_findings(findings),
            Change::FindingsChanged { image, tally, .. } => self.put_tally(image, *tally),
            Change::RevisionChanged(revision) => {
                self.change_totals(|totals| totals.revision = Some(revision.clone()));
            }
            Change::ExtractorsWanted(set) => {
                self.change_totals(|totals| totals.extractor_set = Some(set.clone()));
            }
            Change::ImageListed { source, digest } => self.listed.insert(source, digest),
            Change::ImageUnlisted { source, digest } => self.listed.remove(source, digest),
            Change::ImageScanned { .. } | Change::LayerKnown { .. } | Change::LayerForgotten { .. } => {}
        }
        self.change_totals(|totals| totals.last_event = event.id);
    }

    fn change_totals(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.totals.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn put_source(&self, source: &Arc<Source>) {
        self.sources.put(source.id.clone(), Arc::clone(source));
    }

    fn put_scanner(&self, scanner: &Arc<Scanner>) {
        self.scanners.put(scanner.registration.name.clone(), Arc::clone(scanner));
    }

    fn put_pod(&self, pod: &Arc<Pod>) {
        let before = self.pods.put(Arc::clone(&pod.id), Arc::clone(pod));
        let is_same = |before: &Arc<Pod>| before.each_image().eq(pod.each_image());
        if !before.as_ref().is_some_and(is_same) {
            for key in pod.each_image() {
                self.usage.entry(Arc::clone(key)).or_default().insert(Arc::clone(&pod.id));
            }
        }
        match &before {
            Some(before) if is_same(before) => {}
            Some(before) => self.leave_images(before, Some(pod)),
            None => *self.pods_by_source.entry((*pod.id.source).clone()).or_default() += 1,
        }
        let (unresolved, were) = (unresolved(pod), before.as_deref().map_or(0, unresolved));
        if unresolved != were {
            self.change_totals(|totals| {
                totals.unresolved_containers =
                    (totals.unresolved_containers + unresolved).saturating_sub(were);
            });
        }
    }

    fn remove_pod(&self, id: &Arc<PodId>) {
        let Some(pod) = self.pods.remove(id) else { return };
        self.leave_images(&pod, None);
        if let Some(mut count) = self.pods_by_source.get_mut(&*id.source) {
            *count = count.saturating_sub(1);
        }
        self.pods_by_source.remove_if(&*id.source, |_, count| *count == 0);
        self.change_totals(|totals| {
            totals.unresolved_containers = totals.unresolved_containers.saturating_sub(unresolved(&pod));
        });
    }

    /// The pod runs no longer what only its record `before` names.
    fn leave_images(&self, before: &Pod, now: Option<&Pod>) {
        let kept = now.map(Pod::images).unwrap_or_default();
        for key in before.images().into_iter().filter(|key| !kept.contains(key)) {
            if let Some(mut ids) = self.usage.get_mut(key) {
                ids.remove(&before.id);
            }
            self.usage.remove_if(key, |_, ids| ids.is_empty());
        }
    }

    fn put_image(&self, image: &Arc<Image>) {
        for alias in &image.aliases {
            self.keys.insert(alias.clone(), Arc::clone(&image.key));
        }
        let before = self.images.put(Arc::clone(&image.key), Arc::clone(image));
        self.change_totals(|totals| {
            totals.count_image(image.stage(), true);
            if let Some(before) = &before {
                totals.count_image(before.stage(), false);
            }
        });
        let none = PackageIds::default();
        let was =
            before.as_ref().and_then(|before| before.scan.as_ref()).map_or(&none, |scan| &scan.packages);
        let is = image.scan.as_ref().map_or(&none, |scan| &scan.packages);
        if was == is {
            return;
        }
        let number = self.number(&image.key);
        for id in is.without(was) {
            self.holders.entry(id).or_default().insert(number);
        }
        for id in was.without(is) {
            self.unhold(id, number);
        }
    }

    /// A small number for an image: millions of entries say which images hold a package.
    fn number(&self, key: &Arc<Digest>) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        // Only the folding thread gives numbers.
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        self.numbers.insert(Arc::clone(key), number);
        self.numbered.insert(number, Arc::clone(key));
        number
    }

    fn remove_image(&self, key: &Arc<Digest>) {
        let Some(image) = self.images.remove(key) else { return };
        self.change_totals(|totals| totals.count_image(image.stage(), false));
        for alias in &image.aliases {
            self.keys.remove_if(alias, |_, owner| **owner == **key);
        }
        if let Some((_, number)) = self.numbers.remove(key) {
            for id in image.scan.iter().flat_map(|scan| scan.packages.iter()) {
                self.unhold(id, number);
            }
            self.numbered.remove(&number);
        }
        self.usage.remove(key);
        if let Some((_, tally)) = self.tallies.remove(key) {
            self.change_totals(|totals| totals.findings = totals.findings.minus(tally));
        }
    }

    fn unhold(&self, package: PackageId, image: u32) {
        if let Some(mut numbers) = self.holders.get_mut(&package) {
            numbers.remove(image);
        }
        self.holders.remove_if(&package, |_, numbers| numbers.is_empty());
    }

    fn put_tally(&self, key: &Arc<Digest>, tally: Tally) {
        let before = self.tallies.insert(Arc::clone(key), tally).unwrap_or_default();
        self.change_totals(|totals| totals.findings = totals.findings.plus(tally).minus(before));
    }

    fn count(&self, packages: &PackageIds) -> Tally {
        let one = |id| Tally::of_package(self.packages.get(&id).and_then(|package| package.matched).as_ref());
        packages.iter().map(one).fold(Tally::default(), Tally::plus)
    }

    fn add_packages(&self, packages: &[(PackageId, Arc<Package>)]) {
        for (id, package) in packages {
            let fleet = FleetPackage { id: *id, package: Arc::clone(package), matched: None };
            self.packages.put(*id, fleet);
            for name in names(package) {
                self.names.insert(name, *id);
            }
        }
    }

    fn remove_package(&self, id: PackageId) {
        let Some(fleet) = self.packages.remove(&id) else { return };
        self.holders.remove(&id);
        for name in names(&fleet.package) {
            self.names.remove(name, id);
        }
    }

    fn put_findings(&self, matched: &[(PackageId, Matched)]) {
        for (id, matched) in matched {
            if let Some(fleet) = self.packages.get(id) {
                self.packages.put(*id, FleetPackage { matched: Some(matched.clone()), ..fleet });
            }
        }
    }
}

fn unresolved(pod: &Pod) -> u64 {
    pod.containers.iter().filter(|container| container.image.is_none()).count() as u64
}

/// What a package may be asked for by: its name, its source package's, its Maven artifact id.
fn names(package: &Package) -> impl Iterator<Item = &str> {
    let name = package.name();
    let source = Some(package.advisory_name()).filter(|source| *source != name);
    let artifact = name.split_once(':').map(|(_, artifact)| artifact);
    [Some(name), source, artifact].into_iter().flatten()
}
