//! The images, and all that is derived from them: who runs them, what waits, what is due.
//!
//! One door in ([`Images::put`]) and one out ([`Images::remove`]): whatever is derived from a
//! record follows the record there, so it cannot be forgotten anywhere else.

use crate::{Image, PodId, Settings, State};
use api_vocab::{Digest, LeaseId, ScannerName, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who runs an image.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) pods: FxHashSet<Arc<PodId>>,
    pub(crate) running: u32,
}

/// All images.
#[derive(Debug, Default)]
pub(crate) struct Images {
    records: FxHashMap<Arc<Digest>, Arc<Image>>,
    aliases: FxHashMap<Digest, Arc<Digest>>,
    usage: FxHashMap<Arc<Digest>, Usage>,
    nodes: FxHashMap<Arc<str>, FxHashMap<Arc<Digest>, u32>>,
    queue: BTreeSet<(Timestamp, Arc<Digest>)>,
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

    pub(crate) fn is_used(&self, key: &Digest) -> bool {
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
        if let Some(rank) = self.rank(image, settings) {
            self.queue.insert((rank, Arc::clone(key)));
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
        if let Some(rank) = self.rank(image, settings) {
            self.queue.remove(&(rank, Arc::clone(key)));
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

    /// Its place in the queue: since when it counts as waiting. Nothing if it does not wait.
    fn rank(&self, image: &Image, settings: &Settings) -> Option<Timestamp> {
        let State::Queued { since, asked, .. } = image.state else { return None };
        let mut rank = since;
        if self.is_running(&image.key) {
            rank = rank - settings.running_advantage;
        }
        if asked {
            rank = rank - settings.asked_advantage;
        }
        Some(rank)
    }

    /// A pod runs the image from now on, or changed whether or where it does.
    pub(crate) fn attach(
        &mut self,
        key: &Arc<Digest>,
        pod: &Arc<PodId>,
        node: Option<&Arc<str>>,
        running: bool,
        settings: &Settings,
    ) {
        self.requeued(key, settings, |images| {
            let usage = images.usage.entry(Arc::clone(key)).or_default();
            usage.pods.insert(Arc::clone(pod));
            usage.running += u32::from(running);
        });
        if let Some(node) = node {
            *self.nodes.entry(Arc::clone(node)).or_default().entry(Arc::clone(key)).or_default() += 1;
        }
    }

    /// Undo an [`Images::attach`] with the same arguments.
    pub(crate) fn detach(
        &mut self,
        key: &Arc<Digest>,
        pod: &Arc<PodId>,
        node: Option<&Arc<str>>,
        running: bool,
        settings: &Settings,
    ) {
        self.requeued(key, settings, |images| {
            if let Some(usage) = images.usage.get_mut(key) {
                usage.pods.remove(pod);
                usage.running = usage.running.saturating_sub(u32::from(running));
                if usage.pods.is_empty() {
                    images.usage.remove(key);
                }
            }
        });
        if let Some(node) = node {
            self.leave_node(node, key);
        }
    }

    fn leave_node(&mut self, node: &Arc<str>, key: &Digest) {
        let Some(keys) = self.nodes.get_mut(node) else { return };
        if let Some(count) = keys.get_mut(key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                keys.remove(key);
            }
        }
        if keys.is_empty() {
            self.nodes.remove(node);
        }
    }

    /// Change what a rank in the queue depends on.
    fn requeued(&mut self, key: &Arc<Digest>, settings: &Settings, change: impl FnOnce(&mut Self)) {
        let waits = |image: &&Arc<Image>| matches!(image.state, State::Queued { .. });
        let Some(image) = self.records.get(key).filter(waits).cloned() else { return change(self) };
        let was = self.rank(&image, settings);
        change(self);
        let is = self.rank(&image, settings);
        if was != is {
            was.map(|rank| self.queue.remove(&(rank, Arc::clone(key))));
            is.map(|rank| self.queue.insert((rank, Arc::clone(key))));
        }
    }

    /// Queued images, the longest waiting first, with since when they count as waiting.
    pub(crate) fn queue(&self) -> impl Iterator<Item = (Timestamp, &Arc<Image>)> {
        self.queue.iter().filter_map(|(rank, key)| Some((*rank, self.records.get(key)?)))
    }

    /// Of these digests and of what the node runs: the images that are queued.
    pub(crate) fn queued_near<'a>(
        &'a self,
        node: Option<&Arc<str>>,
        holds: &'a [Digest],
        settings: &'a Settings,
    ) -> impl Iterator<Item = (Timestamp, &'a Arc<Image>)> {
        let runs = node.and_then(|node| self.nodes.get(node)).into_iter().flat_map(|keys| keys.keys());
        let digests = holds.iter().chain(runs.map(|key| &**key));
        digests.filter_map(|digest| {
            let image = self.find(digest)?;
            Some((self.rank(image, settings)?, image))
        })
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

/// When the sweeper has something to do with an image.
fn deadline(image: &Image, settings: &Settings) -> Option<Timestamp> {
    let retired = image.unused_since.map(|since| since + settings.retention);
    match image.state {
        State::Leased { until, .. } => Some(until),
        State::Backoff { until, .. } => Some(retired.map_or(until, |retired| retired.min(until))),
        State::Queued { .. } | State::Scanned | State::Unscannable { .. } => retired,
    }
}
