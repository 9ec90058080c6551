//! The ledger: what is perceived, and what of it the core must still be told.
//!
//! It keeps the latest state of each pod and of each image that is listed without one, not a log:
//! while the core is away it grows with the platform, not with time.

use crate::{Backoff, Kept, SendSettings};
use api_vocab::{Digest, Timestamp};
use api_wire::observation::{Observation, ObservedImage, ObservedPod};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// More gone than this while the core is away, and the full state tells it better.
const MAX_GONE: usize = 100_000;

/// Everything that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct All<P = ObservedPod> {
    /// The pods, in the order of their keys.
    pub pods: Vec<P>,
    /// The images that are listed, whether a pod runs them or not.
    pub images: Vec<Arc<ObservedImage>>,
}

/// What the core is told of, one at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Pod(Arc<str>),
    Image(Digest),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<P = ObservedPod> {
    /// Send everything; then call [`Ledger::sent`] or [`Ledger::failed`].
    Full(All<P>),
    /// Send these changes; then call [`Ledger::sent`] or [`Ledger::failed`].
    Batch(Vec<Observation>),
    /// Nothing before this time, unless something is seen.
    Wait(Timestamp),
    /// Nothing until something is seen.
    Idle,
}

/// A pod, found by its key: what is kept of very many pods has no room for it twice.
#[derive(Debug)]
struct ByKey<P>(P);

impl<P: Kept> Borrow<str> for ByKey<P> {
    fn borrow(&self) -> &str {
        self.0.key()
    }
}

impl<P: Kept> PartialEq for ByKey<P> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<P: Kept> Eq for ByKey<P> {}

impl<P: Kept> PartialOrd for ByKey<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Kept> Ord for ByKey<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key().cmp(other.0.key())
    }
}

/// What is perceived, and what of it the core must still be told.
#[derive(Debug)]
pub struct Ledger<P = ObservedPod> {
    settings: SendSettings,
    present: BTreeSet<ByKey<P>>,
    images: BTreeMap<Digest, Arc<ObservedImage>>,
    untold: BTreeSet<Item>,
    untold_since: Option<Timestamp>,
    travelling: Vec<Item>,
    full_travels: bool,
    listed: bool,
    /// Most platforms list no images: nobody waits for them.
    images_awaited: bool,
    full_due: Timestamp,
    not_before: Timestamp,
    backoff: Backoff,
}

impl<P: Kept> Ledger<P> {
    /// An empty ledger: nothing is sent before the first [`Ledger::replace`].
    pub fn new(settings: SendSettings) -> Self {
        Ledger {
            settings,
            present: BTreeSet::new(),
            images: BTreeMap::new(),
            untold: BTreeSet::new(),
            untold_since: None,
            travelling: Vec::new(),
            full_travels: false,
            listed: false,
            images_awaited: false,
            full_due: Timestamp::from_millis(i64::MIN),
            not_before: Timestamp::from_millis(i64::MIN),
            backoff: Backoff::default(),
        }
    }

    /// A pod is there, as described.
    pub fn see(&mut self, pod: P, now: Timestamp) {
        if self.present.get(pod.key()).is_some_and(|known| known.0 == pod) {
            return;
        }
        self.tell(Item::Pod(pod.shared_key()), now);
        self.present.replace(ByKey(pod));
    }

    /// A pod is gone.
    pub fn lose(&mut self, key: &str, now: Timestamp) {
        if let Some(ByKey(pod)) = self.present.take(key) {
            self.tell(Item::Pod(pod.shared_key()), now);
        }
    }

    /// An image is listed, whether a pod runs it or not.
    pub fn list(&mut self, image: ObservedImage, now: Timestamp) {
        if self.images.get(&image.digest).is_some_and(|known| **known == image) {
            return;
        }
        self.tell(Item::Image(image.digest.clone()), now);
        self.images.insert(image.digest.clone(), Arc::new(image));
    }

    /// An image is listed no longer.
    pub fn unlist(&mut self, digest: &Digest, now: Timestamp) {
        if let Some((digest, _)) = self.images.remove_entry(digest) {
            self.tell(Item::Image(digest), now);
        }
    }

    /// The platform lists images too: say nothing until [`Ledger::complete_images`], or the core
    /// would take those that are not listed yet for gone.
    pub fn await_images(&mut self) {
        self.images_awaited = true;
    }

    /// The images that were listed and not unlisted are all there are.
    pub fn complete_images(&mut self) {
        self.images_awaited = false;
    }

    /// These are all pods there are.
    pub fn replace(&mut self, pods: impl IntoIterator<Item = P>, now: Timestamp) {
        let mut gone: BTreeSet<Arc<str>> = self.present.iter().map(|pod| pod.0.shared_key()).collect();
        for pod in pods {
            gone.remove(pod.key());
            self.see(pod, now);
        }
        for key in gone {
            self.lose(&key, now);
        }
        self.complete();
    }

    /// What was seen and not lost is all there is: for perceivers that keep a list of their own
    /// and need not show it again.
    pub fn complete(&mut self) {
        if !self.listed {
            // A tree that was filled in order is half empty.
            self.present = std::mem::take(&mut self.present).into_iter().collect();
        }
        self.listed = true;
    }

    /// The platform cannot be seen: say nothing until the next [`Ledger::replace`] or
    /// [`Ledger::complete`].
    pub fn look_away(&mut self) {
        self.listed = false;
    }

    fn tell(&mut self, item: Item, now: Timestamp) {
        self.untold_since.get_or_insert(now);
        if self.is_full_due(now) && self.untold.len() >= self.settings.max_batch() {
            // All is told next, this too; last words would be no more than a batch.
            self.full_due = Timestamp::from_millis(i64::MIN);
            return;
        }
        self.untold.insert(item);
        if self.untold.len() > self.present.len() + self.images.len() + MAX_GONE {
            self.want_full();
        }
    }

    /// Send the full state as soon as possible.
    pub fn want_full(&mut self) {
        self.full_due = Timestamp::from_millis(i64::MIN);
        self.untold.clear();
    }

    /// A pod as it was last seen.
    pub fn pod(&self, key: &str) -> Option<&P> {
        self.present.get(key).map(|pod| &pod.0)
    }

    /// How many pods are there.
    pub fn pods(&self) -> usize {
        self.present.len()
    }

    /// How many images are listed.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    const fn is_whole(&self) -> bool {
        self.listed && !self.images_awaited
    }

    fn is_full_due(&self, now: Timestamp) -> bool {
        now >= self.full_due && !self.full_travels
    }

    /// What to do next. What it says to send travels until [`Ledger::sent`] or [`Ledger::failed`].
    pub fn next(&mut self, now: Timestamp) -> Next<P> {
        if !self.is_whole() {
            return Next::Idle;
        }
        if now < self.not_before {
            return Next::Wait(self.not_before);
        }
        if now >= self.full_due {
            self.take_untold(usize::MAX);
            self.full_travels = true;
            let (pods, images) = (self.present.iter(), self.images.values());
            return Next::Full(All {
                pods: pods.map(|pod| pod.0.clone()).collect(),
                images: images.cloned().collect(),
            });
        }
        let Some(since) = self.untold_since else { return Next::Wait(self.full_due) };
        let due = since + self.settings.max_delay();
        if now < due && self.untold.len() < self.settings.max_batch() {
            return Next::Wait(due.min(self.full_due));
        }
        self.take_untold(self.settings.max_batch());
        Next::Batch(self.travelling.iter().map(|item| self.observation(item)).collect())
    }

    /// What is left to say when the perceiver ends, whether it is due or not; what travels may
    /// not have arrived, and is said again.
    pub fn last_words(&mut self) -> Option<Vec<Observation>> {
        self.untold.extend(self.travelling.drain(..));
        if !self.is_whole() || self.untold.is_empty() {
            return None;
        }
        self.take_untold(self.settings.max_batch());
        Some(self.travelling.iter().map(|item| self.observation(item)).collect())
    }

    fn take_untold(&mut self, most: usize) {
        while self.travelling.len() < most {
            let Some(item) = self.untold.pop_first() else { break };
            self.travelling.push(item);
        }
        if self.untold.is_empty() {
            self.untold_since = None;
        }
    }

    fn observation(&self, item: &Item) -> Observation {
        match item {
            Item::Pod(key) => match self.present.get(&**key) {
                Some(pod) => Observation::PodPresent { pod: pod.0.observed() },
                None => Observation::PodGone { key: key.to_string() },
            },
            Item::Image(digest) => match self.images.get(digest) {
                Some(image) => Observation::ImagePresent { image: ObservedImage::clone(image) },
                None => Observation::ImageGone { digest: digest.clone() },
            },
        }
    }

    /// What travelled has arrived. `chance` between 0 and 1 spreads the full states of many
    /// perceivers over time.
    pub fn sent(&mut self, full: bool, now: Timestamp, chance: f64) {
        self.arrive();
        self.backoff.succeed();
        self.not_before = Timestamp::from_millis(i64::MIN);
        if full {
            let share = 0.9 + 0.2 * chance.clamp(0.0, 1.0);
            self.full_due = now + self.settings.full_state().mul_f64(share);
        }
    }

    /// Nothing travels any more.
    fn arrive(&mut self) {
        self.travelling = Vec::new();
        self.full_travels = false;
    }

    /// What travelled may not have arrived; after a loss the core is told everything.
    pub fn failed(&mut self, told: Option<Duration>, now: Timestamp, chance: f64) {
        self.arrive();
        self.want_full();
        let wait = self.backoff.fail(chance);
        self.not_before = now + told.map_or(wait, |told| told.max(wait));
    }
}

#[cfg(test)]
mod tests;
