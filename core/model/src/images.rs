//! The images, and all that is derived from them: who runs them, what waits, what is due.
//!
//! One door in ([`Images::put`]) and one out ([`Images::remove`]): whatever is derived from a
//! record follows the record there, so it cannot be forgotten anywhere else.

use crate::nodes::{Nodes, Step};
use crate::queue::{Hold, Line, Place, Queue};
use crate::{Image, PodId, Registration, Scanner, Settings, State};
use api_vocab::{Digest, LeaseId, ScannerName, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who runs an image.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) pods: FxHashSet<Arc<PodId>>,
    pub(crate) running: u32,
    /// Nodes that run it, and those of them that have a scanner.
    at: Step,
}

/// All images.
#[derive(Debug, Default)]
pub(crate) struct Images {
    records: FxHashMap<Arc<Digest>, Arc<Image>>,
    aliases: FxHashMap<Digest, Arc<Digest>>,
    usage: FxHashMap<Arc<Digest>, Usage>,
    nodes: Nodes,
    queue: Queue,
    deadlines: BTreeSet<(Timestamp, Arc<Digest>)>,
    leases: FxHashMap<LeaseId, Arc<Digest>>,
    held: FxHashMap<ScannerName, u32>,
}

impl Images {
    /// The image that has this digest, as its key or as an alias.
    pub(crate) fn find(&self, digest: &Digest) -> Option<&Arc<Image>> {
        self.records.get(digest).or_else(|| self.records.get(&**self.aliases.get(digest)?))
    }

    pub(crate) fn under(&self, lease: LeaseId) -> Option<&Arc<Image>> {
        self.records.get(&**self.leases.get(&lease)?)
    }

    /// All of them, by key.
    pub(crate) fn sorted(&self) -> Vec<&Arc<Image>> {
        let mut images: Vec<_> = self.records.values().collect();
        images.sort_unstable_by_key(|image| &image.key);
        images
    }

    pub(crate) fn usage(&self, key: &Digest) -> Option<&Usage> {
        self.usage.get(key)
    }

    pub(crate) fn is_run(&self, key: &Digest) -> bool {
        self.usage.get(key).is_some_and(|usage| !usage.pods.is_empty())
    }

    fn is_running(&self, key: &Digest) -> bool {
        self.usage.get(key).is_some_and(|usage| usage.running > 0)
    }

    /// How many leases a scanner holds.
    pub(crate) fn held_by(&self, scanner: &ScannerName) -> u32 {
        self.held.get(scanner).copied().unwrap_or_default()
    }

    /// Insert or replace; answers what was there.
    pub(crate) fn put(&mut self, image: Arc<Image>, settings: &Settings) -> Option<Arc<Image>> {
        let before = self.records.get(&image.key).cloned();
        if let Some(before) = &before {
            self.unindex(before, settings);
        }
        self.index(&image, settings);
        self.records.insert(Arc::clone(&image.key), image);
        before
    }

    /// Remove a record; who runs it stays known until the pods are re-pointed or gone.
    pub(crate) fn remove(&mut self, key: &Digest, settings: &Settings) -> Option<Arc<Image>> {
        let image = self.records.remove(key)?;
        self.unindex(&image, settings);
        Some(image)
    }

    fn index(&mut self, image: &Image, settings: &Settings) {
        let key = &image.key;
        for alias in &image.aliases {
            self.aliases.insert(alias.clone(), Arc::clone(key));
        }
        if let Some(place) = self.place(image) {
            self.queue.insert(&place, &image.sources, key);
        }
        if let Some(due) = deadline(image, settings) {
            self.deadlines.insert((due, Arc::clone(key)));
        }
        if let State::Leased { lease, scanner, .. } = &image.state {
            self.leases.insert(*lease, Arc::clone(key));
            *self.held.entry(scanner.clone()).or_default() += 1;
        }
    }

    fn unindex(&mut self, image: &Image, settings: &Settings) {
        let key = &image.key;
        for alias in &image.aliases {
            if self.aliases.get(alias).is_some_and(|owner| owner == key) {
                self.aliases.remove(alias);
            }
        }
        if let Some(place) = self.place(image) {
            self.queue.remove(&place, &image.sources, key);
        }
        if let Some(due) = deadline(image, settings) {
            self.deadlines.remove(&(due, Arc::clone(key)));
        }
        if let State::Leased { lease, scanner, .. } = &image.state {
            self.leases.remove(lease);
            if let Some(held) = self.held.get_mut(scanner) {
                *held = held.saturating_sub(1);
            }
            if self.held_by(scanner) == 0 {
                self.held.remove(scanner);
            }
        }
    }

    /// Its place in the queue; nothing if it does not wait.
    fn place(&self, image: &Image) -> Option<Place> {
        let State::Queued { since, asked, failed, missed } = &image.state else { return None };
        let (since, asked, missed) = (*since, *asked, !missed.is_empty());
        let at = self.usage.get(&image.key).map(|usage| usage.at).unwrap_or_default();
        let hold = match at {
            Step { nodes: 0, .. } => Hold::Free,
            _ if *failed > 0 || missed => Hold::Free,
            Step { staffed: 0, .. } => Hold::Lonely,
            Step { .. } => Hold::Staffed,
        };
        let (running, platform) = (self.is_running(&image.key), image.platform.clone());
        let line = Line { hold, running, asked, missed, platform };
        Some(Place { line, since })
    }

    /// A pod runs the image from now on, or changed whether or where it does.
    pub(crate) fn attach(
        &mut self,
        key: &Arc<Digest>,
        pod: &Arc<PodId>,
        node: Option<&Arc<str>>,
        running: bool,
    ) {
        let step = node.map(|node| self.nodes.enter(node, &pod.source, key)).unwrap_or_default();
        self.requeued(key, |images| {
            let usage = images.usage.entry(Arc::clone(key)).or_default();
            usage.pods.insert(Arc::clone(pod));
            usage.running += u32::from(running);
            usage.at.nodes += step.nodes;
            usage.at.staffed += step.staffed;
        });
    }

    /// Undo an [`Images::attach`] with the same arguments.
    pub(crate) fn detach(
        &mut self,
        key: &Arc<Digest>,
        pod: &Arc<PodId>,
        node: Option<&Arc<str>>,
        running: bool,
    ) {
        let step = node.map(|node| self.nodes.leave(node, &pod.source, key)).unwrap_or_default();
        self.requeued(key, |images| {
            if let Some(usage) = images.usage.get_mut(key) {
                usage.pods.remove(pod);
                usage.running = usage.running.saturating_sub(u32::from(running));
                usage.at.nodes = usage.at.nodes.saturating_sub(step.nodes);
                usage.at.staffed = usage.at.staffed.saturating_sub(step.staffed);
                if usage.pods.is_empty() {
                    images.usage.remove(key);
                }
            }
        });
    }

    /// A scanner comes, or goes: images of its node are kept for it, or no longer.
    pub(crate) fn staff(&mut self, scanner: &Registration, comes: bool) {
        for key in self.nodes.staff(scanner, comes) {
            self.requeued(&key, |images| {
                let Some(usage) = images.usage.get_mut(&key) else { return };
                let staffed = usage.at.staffed;
                usage.at.staffed = if comes { staffed + 1 } else { staffed.saturating_sub(1) };
            });
        }
    }

    /// Change what a place in the queue depends on.
    fn requeued(&mut self, key: &Arc<Digest>, change: impl FnOnce(&mut Self)) {
        let waits = |image: &&Arc<Image>| matches!(image.state, State::Queued { .. });
        let Some(image) = self.records.get(key).filter(waits).cloned() else { return change(self) };
        let was = self.place(&image);
        change(self);
        let is = self.place(&image);
        if was != is {
            was.iter().for_each(|place| self.queue.remove(place, &image.sources, key));
            is.iter().for_each(|place| self.queue.insert(place, &image.sources, key));
        }
    }

    /// What nodes run.
    pub(crate) const fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Images that wait.
    pub(crate) const fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The image that a scanner should scan next: of those that its node runs or holds, which
    /// count as having waited longer, and of those that it may have wherever they run.
    pub(crate) fn best_for(
        &self,
        scanner: &Registration,
        holds: &[Digest],
        scanners: &BTreeMap<ScannerName, Arc<Scanner>>,
        now: Timestamp,
        settings: &Settings,
    ) -> Option<&Arc<Image>> {
        let is_offered = |image: &Image| self.is_offered(image, scanner, scanners);
        let is_key_offered = |key: &Digest| self.records.get(key).is_some_and(|image| is_offered(image));
        let anywhere = self.queue.best_for(scanner, is_key_offered, now, settings);
        let digests = holds.iter().chain(self.nodes.near(scanner).map(|key| &**key));
        let near = digests.filter_map(|digest| {
            let image = self.find(digest).filter(|image| suits(scanner, image) && is_offered(image))?;
            let place = self.place(image)?;
            Some((place.line.rank(place.since, settings) - settings.local_advantage, &image.key))
        });
        let (_, key) = near.chain(anywhere).min()?;
        self.records.get(key)
    }

    /// The image whose time comes first, and when.
    pub(crate) fn first_due(&self) -> Option<(Timestamp, &Arc<Image>)> {
        let (due, key) = self.deadlines.first()?;
        Some((*due, self.records.get(key)?))
    }

    #[cfg(test)]
    pub(crate) fn leases(&self) -> impl Iterator<Item = (LeaseId, &Arc<Digest>)> {
        self.leases.iter().map(|(lease, key)| (*lease, key))
    }
}

/// Whether a scanner can read an image, as far as is known.
pub(crate) fn suits(scanner: &Registration, image: &Image) -> bool {
    let reads = image.platform.as_ref().is_none_or(|platform| scanner.reads(platform));
    let reaches = image.sources.is_empty() || image.sources.iter().any(|source| scanner.reaches(source));
    reads && reaches
}

/// When the sweeper has something to do with an image.
fn deadline(image: &Image, settings: &Settings) -> Option<Timestamp> {
    let retired = image.unused_since.map(|since| since + settings.retention);
    match image.state {
        State::Leased { until, .. } => Some(until),
        State::Backoff { until, .. } => Some(retired.map_or(until, |retired| retired.min(until))),
        State::Queued { .. } | State::Scanned | State::Unscannable { .. } => retired,
    }
}
