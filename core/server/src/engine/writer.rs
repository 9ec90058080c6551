//! The writer: the one thread that owns the model. Command in → apply → to the store; the
//! publisher does the rest once the store says that it is durable.

use super::flight::Flight;
use super::publisher::Landed;
use super::{EngineError, Job, Message, Reply};
use api_chassis::clock::Clock;
use api_chassis::health::Latch;
use api_vocab::Timestamp;
use core_model::{Answer, Event, Model, Settings};
use core_store::{Batch, Blob, Store, StoreError};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;

/// Most commands that one batch takes.
const MAX_JOBS: usize = 2_048;
/// Events after which a batch takes no further command.
const MAX_EVENTS: usize = 20_000;
/// Most batches on their way to the disk.
const MAX_FLYING: usize = 4;
/// How long the writer leaves a store alone that failed, before each time that it is tried.
const PAUSE: Duration = Duration::from_millis(500);

/// Owns the model and the store's pen.
pub struct Writer {
    pub(crate) queue: tokio::sync::mpsc::Receiver<Message>,
    pub(crate) model: Model,
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) flight: Arc<Flight>,
    pub(crate) landed: mpsc::Sender<Landed>,
    pub(crate) durable: Latch,
    /// Told to end while the store took nothing.
    pub(crate) stopped: bool,
}

/// Commands that were applied and are not durable yet.
#[derive(Default)]
struct Draft {
    events: Vec<Event>,
    blobs: Vec<Blob>,
    replies: Vec<Reply>,
}

impl Draft {
    fn is_full(&self) -> bool {
        self.replies.len() >= MAX_JOBS || self.events.len() >= MAX_EVENTS
    }
}

impl Writer {
    /// Work until told to stop; all that was asked before is done then.
    pub fn run(mut self) {
        self.durable.open();
        while let Some(Message::Job(first)) = self.queue.blocking_recv() {
            let (draft, is_last) = self.draft(first);
            self.submit(draft);
            if is_last || self.stopped {
                break;
            }
        }
        self.flight.wait();
    }

    /// Apply the first command and all that wait behind it; whether these are the last ones.
    fn draft(&mut self, first: Box<Job>) -> (Draft, bool) {
        let now = self.clock.now();
        let mut draft = Draft::default();
        let mut next = first;
        loop {
            self.apply(*next, now, &mut draft);
            if draft.is_full() || self.stopped {
                return (draft, false);
            }
            match self.queue.try_recv() {
                Ok(Message::Job(job)) => next = job,
                Ok(Message::Stop) => return (draft, true),
                Err(_) => return (draft, false),
            }
        }
    }

    fn apply(&mut self, job: Job, now: Timestamp, draft: &mut Draft) {
        // Whatever is decided after a loss would rest on what is not there.
        let job = match self.flight.take_lost() {
            Some(lost) => self.recover(job, draft, &lost),
            None => Some(job),
        };
        let Some(job) = job else { return };
        let answer = self.model.apply(job.command, now).map(|applied| {
            draft.events.extend(applied.events);
            draft.blobs.extend(blob(job.attachment, &applied.answer));
            applied.answer
        });
        draft.replies.push((job.reply, answer.map_err(Into::into)));
    }

    fn submit(&mut self, draft: Draft) {
        let Draft { events, blobs, replies } = draft;
        let landed = self.landed.clone();
        let events: Arc<[Event]> = events.into();
        if events.is_empty() && blobs.is_empty() && self.flight.is_over() {
            self.flight.start(MAX_FLYING);
            let _ = landed.send(Landed { events, replies, outcome: Ok(Default::default()) });
            return;
        }
        self.flight.start(MAX_FLYING);
        let told = Arc::clone(&events);
        let done = move |outcome| {
            // The publisher outlives every batch.
            let _ = landed.send(Landed { events: told, replies, outcome });
        };
        self.store.submit(Batch { events, blobs }, Box::new(done));
    }

    /// Go back to what is durable; readers keep what was published, and whoever waits for something
    /// that rested on the loss is told to come again. Gives `job` back if the store takes changes
    /// at the first trial; after that, whatever is asked is refused until it does.
    fn recover(&mut self, job: Job, draft: &mut Draft, lost: &StoreError) -> Option<Job> {
        self.durable.close(format!("the store does not take changes: {lost}"));
        let refusal = EngineError::not_durable(lost);
        for (reply, _) in std::mem::take(draft).replies {
            let _ = reply.send(Err(refusal.clone()));
        }
        self.flight.wait();
        self.flight.take_lost();
        let mut waiting = vec![job];
        let mut trials = 0;
        loop {
            std::thread::sleep(PAUSE);
            match self.store.load() {
                Ok(snapshot) => {
                    self.model = Model::restore(self.settings.clone(), snapshot);
                    self.durable.open();
                    if trials > 0 {
                        tracing::info!(trials, "store takes changes again");
                    }
                    return waiting.pop();
                }
                Err(error) => {
                    if trials == 0 {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "store takes no changes; will keep trying");
                    }
                    trials += 1;
                    self.take_waiting(&mut waiting);
                    for job in waiting.drain(..) {
                        let _ = job.reply.send(Err(refusal.clone()));
                    }
                    if self.stopped {
                        return None;
                    }
                }
            }
        }
    }

    /// Take what waits in the queue, and note whether the end is among it.
    fn take_waiting(&mut self, waiting: &mut Vec<Job>) {
        loop {
            match self.queue.try_recv() {
                Ok(Message::Job(job)) => waiting.push(*job),
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stopped = true;
                    return;
                }
                Err(TryRecvError::Empty) => return,
            }
        }
    }
}

/// What is kept along with the events of a command.
fn blob(attachment: Option<super::Attachment>, answer: &Answer) -> Option<Blob> {
    match (attachment?, answer) {
        (super::Attachment::Inventory(bytes), Answer::Reported { image, .. }) => {
            Some(Blob::Inventory { image: (**image).clone(), bytes })
        }
        (super::Attachment::Layer { diff_id, extractor_set, bytes }, _) => {
            Some(Blob::Layer { diff_id, extractor_set, bytes })
        }
        (super::Attachment::Inventory(_), _) => None,
    }
}
