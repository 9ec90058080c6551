//! The sender: tells the core what the ledger says, and survives its absence.

use crate::{All, Kept, Ledger, Next, Outage, SendSettings, Vitals};
use api_chassis::clock::Clock;
use api_chassis::shutdown::{Shutdown, drain};
use api_client::{Advice, Client, ClientError};
use api_vocab::{Digest, SourceId, Timestamp};
use api_wire::observation::{
    ImageLine, Observation, ObservationBatch, ObservationOutcome, ObservedImage, ObservedPod,
};
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// No wait is longer: the machine's clock may be set.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where a perceiver writes what it sees; clones write into the same ledger.
pub struct Sight<P = ObservedPod> {
    ledger: Arc<Mutex<Ledger<P>>>,
    news: Arc<Notify>,
    clock: Arc<dyn Clock>,
    vitals: Vitals,
}

impl<P> Clone for Sight<P> {
    fn clone(&self) -> Self {
        Sight {
            ledger: Arc::clone(&self.ledger),
            news: Arc::clone(&self.news),
            clock: Arc::clone(&self.clock),
            vitals: self.vitals.clone(),
        }
    }
}

impl<P: Kept> Sight<P> {
    /// A pod is there, as described.
    pub fn see(&self, pod: P) {
        self.write(|ledger, now| ledger.see(pod, now));
    }

    /// A pod is gone.
    pub fn lose(&self, key: &str) {
        self.write(|ledger, now| ledger.lose(key, now));
    }

    /// These are all pods there are.
    pub fn replace(&self, pods: impl IntoIterator<Item = P>) {
        self.write(|ledger, now| ledger.replace(pods, now));
        self.vitals.see_platform();
    }

    /// An image is listed, whether a pod runs it or not.
    pub fn list(&self, image: ObservedImage) {
        self.write(|ledger, now| ledger.list(image, now));
    }

    /// An image is listed no longer.
    pub fn unlist(&self, digest: &Digest) {
        self.write(|ledger, now| ledger.unlist(digest, now));
    }

    /// The platform lists images too: tell nothing before [`Sight::complete_images`].
    pub fn await_images(&self) {
        self.write(|ledger, _| ledger.await_images());
    }

    /// The images that were listed and not unlisted are all there are.
    pub fn complete_images(&self) {
        self.write(|ledger, _| ledger.complete_images());
    }

    /// What was seen and not lost is all there is.
    pub fn complete(&self) {
        self.write(|ledger, _| ledger.complete());
        self.vitals.see_platform();
    }

    /// The platform cannot be seen: tell nothing until the next [`Sight::replace`] or
    /// [`Sight::complete`], so that the source goes stale instead of seeming well. Shown as `reason`
    /// to whoever asks for readiness.
    pub fn look_away(&self, reason: &str) {
        self.write(|ledger, _| ledger.look_away());
        self.vitals.lose_platform(reason);
    }

    /// The platform told of an event, whatever came of it.
    pub fn count_event(&self) {
        self.vitals.count_event();
    }

    /// How many pods are there.
    pub fn pods(&self) -> usize {
        self.ledger().pods()
    }

    fn write(&self, change: impl FnOnce(&mut Ledger<P>, Timestamp)) {
        let mut ledger = self.ledger();
        change(&mut ledger, self.clock.now());
        self.vitals.count(ledger.pods(), ledger.images());
        drop(ledger);
        self.news.notify_one();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger<P>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line of a full state.
#[derive(Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "made and written one at a time")]
enum Line {
    Pod(ObservedPod),
    Image(ImageLine),
}

/// Tells the core what a perceiver sees of one source.
pub struct Sender<P = ObservedPod> {
    client: Client,
    source: SourceId,
    sight: Sight<P>,
    outage: Outage,
}

impl<P: Kept> Sender<P> {
    /// A sender for `source`. The client ought not to repeat calls itself.
    pub fn new(client: Client, source: SourceId, settings: SendSettings, clock: Arc<dyn Clock>) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::new(settings)));
        let sight = Sight { ledger, news: Arc::new(Notify::new()), clock, vitals: Vitals::default() };
        Sender { client, source, sight, outage: Outage::default() }
    }

    /// Shows by `vitals` what it is told and what it tells. Before [`Sender::sight`].
    pub fn showing(mut self, vitals: Vitals) -> Self {
        self.sight.vitals = vitals;
        self
    }

    /// Where the perceiver writes what it sees.
    pub fn sight(&self) -> Sight<P> {
        self.sight.clone()
    }

    /// Tell until shutdown, then say what is left to say.
    pub async fn run(mut self, shutdown: Shutdown) {
        loop {
            let now = self.sight.clock.now();
            let next = self.sight.ledger().next(now);
            let sending = async {
                match next {
                    Next::Full(all) => self.send_full(all).await,
                    Next::Batch(observations) => self.send_batch(observations).await,
                    Next::Wait(until) => self.rest(until.since(now).min(LONGEST_WAIT)).await,
                    Next::Idle => self.sight.news.notified().await,
                }
            };
            tokio::select! {
                () = sending => {}
                () = shutdown.begun() => break,
            }
        }
        let words = self.sight.ledger().last_words();
        if let Some(words) = words {
            drain(self.send_batch(words), LAST_WORDS).await;
        }
    }

    async fn rest(&self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.sight.news.notified() => {}
        }
    }

    async fn send_full(&mut self, all: All<P>) {
        let (pods, images) = (all.pods.len(), all.images.len());
        // Rendered as they are sent: the whole state is never in memory in the wire's shape.
        let lines = all.pods.into_iter().map(|pod| Line::Pod(pod.observed()));
        let listed = all.images.into_iter();
        let listed = listed.map(|image| Line::Image(ImageLine { image: ObservedImage::clone(&image) }));
        let outcome = self.client.send_state(&self.source, lines.chain(listed)).await;
        tracing::debug!(source = %self.source, pods, images, "full state sent");
        self.conclude(None, outcome);
    }

    async fn send_batch(&mut self, observations: Vec<Observation>) {
        let count = observations.len();
        let batch = ObservationBatch { observations };
        let outcome = self.client.send_observations(&self.source, &batch).await;
        self.conclude(Some(count), outcome);
    }

    /// What came of a full state, or of so many changes.
    fn conclude(&mut self, changes: Option<usize>, outcome: Result<ObservationOutcome, ClientError>) {
        let (now, chance) = (self.sight.clock.now(), rand::random());
        match outcome {
            Ok(outcome) => {
                self.sight.ledger().sent(changes.is_none(), now, chance);
                self.sight.vitals.told(changes, outcome.refused_total);
                self.note_refused(&outcome);
                if let Some(lasted) = self.outage.end(now) {
                    tracing::info!(source = %self.source, ?lasted, "core answers again");
                }
            }
            Err(error) => {
                self.sight.ledger().failed(error.retry_after(), now, chance);
                self.sight.vitals.lose_core(&error.to_string());
                let core = self.client.core();
                let away = error.advice() == Advice::Retry;
                if !self.outage.begin(now, if away { "away" } else { "refuses" }) {
                    tracing::debug!(source = %self.source, core, %error, "core still does not take it");
                } else if away {
                    tracing::warn!(source = %self.source, core, %error, "core does not answer; will keep trying");
                } else {
                    tracing::error!(source = %self.source, core, %error, "core refuses; will keep trying");
                }
            }
        }
    }

    /// One line, however many were refused.
    fn note_refused(&self, outcome: &ObservationOutcome) {
        if let Some(first) = outcome.refused.first() {
            let (source, count, first) = (&self.source, outcome.refused_total, &first.message);
            tracing::warn!(%source, count, first, "core did not take some observations");
        }
    }
}

#[cfg(test)]
mod tests;
