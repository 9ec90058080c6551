//! The fleet's unique packages: numbers, findings, and which images hold them.

use crate::postings::Postings;
use crate::{Matched, PackageId, PackageIds, Tally};
use api_vocab::{Digest, Package};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A package and its number.
pub(crate) type Numbered = (PackageId, Arc<Package>);

/// One unique package.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) package: Arc<Package>,
    pub(crate) matched: Option<Matched>,
    images: Postings,
}

/// All unique packages.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    /// By number; a number is never given again, so that what a forgotten one leaves is small.
    table: Vec<Option<Box<Entry>>>,
    ids: FxHashMap<Arc<Package>, PackageId>,
    unmatched: BTreeSet<PackageId>,
    /// Images by number: millions of entries say which images hold a package.
    images: Numbers,
}

impl Packages {
    /// The number of the next new package.
    pub(crate) fn next(&self) -> u32 {
        u32::try_from(self.table.len()).unwrap_or(u32::MAX)
    }

    /// Give no number below `next` again.
    pub(crate) fn reserve(&mut self, next: u32) {
        let len = PackageId::new(next).index();
        if self.table.len() < len {
            self.table.resize_with(len, || None);
        }
    }

    pub(crate) fn get(&self, id: PackageId) -> Option<&Entry> {
        self.table.get(id.index())?.as_deref()
    }

    fn get_mut(&mut self, id: PackageId) -> Option<&mut Entry> {
        self.table.get_mut(id.index())?.as_deref_mut()
    }

    pub(crate) fn id(&self, package: &Package) -> Option<PackageId> {
        self.ids.get(package).copied()
    }

    /// Put a package under a number that is free.
    pub(crate) fn insert(&mut self, id: PackageId, package: Arc<Package>) {
        self.reserve(id.number().saturating_add(1));
        self.ids.insert(Arc::clone(&package), id);
        self.unmatched.insert(id);
        if let Some(place) = self.table.get_mut(id.index()) {
            *place = Some(Box::new(Entry { package, matched: None, images: Postings::default() }));
        }
    }

    /// Numbers of `packages`; new ones are numbered and answered as well.
    pub(crate) fn number(&mut self, packages: Vec<Package>) -> (PackageIds, Vec<Numbered>) {
        let mut ids = Vec::with_capacity(packages.len());
        let mut added = Vec::new();
        for package in packages {
            let id = match self.id(&package) {
                Some(id) => id,
                None => {
                    let (id, package) = (PackageId::new(self.next()), Arc::new(package));
                    self.insert(id, Arc::clone(&package));
                    added.push((id, package));
                    id
                }
            };
            ids.push(id);
        }
        (ids.into_iter().collect(), added)
    }

    /// The image holds these packages from now on.
    pub(crate) fn hold(&mut self, ids: impl Iterator<Item = PackageId>, image: &Arc<Digest>) {
        let number = self.images.number(image);
        for id in ids {
            if let Some(entry) = self.get_mut(id) {
                entry.images.insert(number);
            }
        }
    }

    /// The image holds these packages no longer; answers those that nobody does.
    pub(crate) fn unhold(&mut self, ids: &[PackageId], image: &Arc<Digest>) -> Vec<PackageId> {
        let number = self.images.number(image);
        let mut free = Vec::new();
        for id in ids {
            let Some(entry) = self.get_mut(*id) else { continue };
            entry.images.remove(number);
            if entry.images.is_empty() {
                free.push(*id);
            }
        }
        free
    }

    /// The image holds nothing any more.
    pub(crate) fn forget_image(&mut self, image: &Digest) {
        self.images.forget(image);
    }

    pub(crate) fn forget(&mut self, id: PackageId) {
        if let Some(entry) = self.table.get_mut(id.index()).and_then(Option::take) {
            self.ids.remove(&entry.package);
            self.unmatched.remove(&id);
        }
    }

    pub(crate) fn set_matched(&mut self, id: PackageId, matched: Matched) {
        if let Some(entry) = self.get_mut(id) {
            entry.matched = Some(matched);
            self.unmatched.remove(&id);
        }
    }

    /// Numbers of the images that hold a package.
    pub(crate) fn holders(&self, id: PackageId) -> impl Iterator<Item = u32> {
        self.get(id).into_iter().flat_map(|entry| entry.images.iter())
    }

    /// The image of a number.
    pub(crate) fn image(&self, number: u32) -> Option<&Arc<Digest>> {
        self.images.get(number)
    }

    pub(crate) fn tally(&self, ids: &PackageIds) -> Tally {
        let one = |id| Tally::of_package(self.get(id).and_then(|entry| entry.matched.as_ref()));
        ids.iter().map(one).fold(Tally::default(), Tally::plus)
    }

    /// Packages that were never matched, and all from `from` on; ascending.
    pub(crate) fn to_match(&self, from: u32) -> Vec<Numbered> {
        let below = self.unmatched.range(..PackageId::new(from)).copied();
        let rest = (from..self.next()).map(PackageId::new);
        below.chain(rest).filter_map(|id| Some((id, Arc::clone(&self.get(id)?.package)))).collect()
    }

    /// Of these, those that were never matched.
    pub(crate) fn unmatched_of(&self, ids: &PackageIds) -> Vec<Numbered> {
        let unmatched = ids.iter().filter(|id| self.unmatched.contains(id));
        unmatched.filter_map(|id| Some((id, Arc::clone(&self.get(id)?.package)))).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PackageId, &Entry)> {
        let entries = self.table.iter().enumerate();
        entries.filter_map(|(index, entry)| {
            Some((PackageId::new(u32::try_from(index).ok()?), entry.as_deref()?))
        })
    }
}

/// Small numbers for images, given anew when free.
#[derive(Debug, Default)]
struct Numbers {
    keys: Vec<Option<Arc<Digest>>>,
    numbers: FxHashMap<Arc<Digest>, u32>,
    free: Vec<u32>,
}

impl Numbers {
    fn number(&mut self, key: &Arc<Digest>) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.keys.push(None);
            u32::try_from(self.keys.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(place) = usize::try_from(number).ok().and_then(|index| self.keys.get_mut(index)) {
            *place = Some(Arc::clone(key));
        }
        self.numbers.insert(Arc::clone(key), number);
        number
    }

    fn get(&self, number: u32) -> Option<&Arc<Digest>> {
        self.keys.get(usize::try_from(number).ok()?)?.as_ref()
    }

    fn forget(&mut self, key: &Digest) {
        let Some(number) = self.numbers.remove(key) else { return };
        if let Some(place) = usize::try_from(number).ok().and_then(|index| self.keys.get_mut(index)) {
            *place = None;
        }
        self.free.push(number);
    }
}
