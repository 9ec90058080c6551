//! The publisher: once a batch is durable, readers see it, followers hear of it, callers get
//! their answers; in this order.

use super::flight::Flight;
use super::stream::EventStream;
use super::{EngineError, Reply};
use crate::metrics::CoreMetrics;
use core_model::{Change, Event, Stage, View};
use core_store::{Durable, StoreError};
use std::sync::{Arc, mpsc};
use tokio::sync::Notify;

/// A batch that the store has answered.
pub struct Landed {
    /// What changed.
    pub events: Arc<[Event]>,
    /// Whoever waits.
    pub replies: Vec<Reply>,
    /// Whether it is durable.
    pub outcome: Result<Durable, StoreError>,
}

/// Publishes what is durable.
pub struct Publisher {
    pub(crate) landed: mpsc::Receiver<Landed>,
    pub(crate) flight: Arc<Flight>,
    pub(crate) view: Arc<View>,
    pub(crate) stream: EventStream,
    pub(crate) work: Arc<Notify>,
    pub(crate) metrics: CoreMetrics,
}

impl Publisher {
    /// Work until the writer is gone and every batch has landed.
    pub fn run(self) {
        while let Ok(Landed { events, mut replies, outcome }) = self.landed.recv() {
            let lost = match outcome {
                Ok(durable) => {
                    self.publish(&events);
                    self.metrics.committed(replies.len(), &events, durable);
                    None
                }
                Err(error) => {
                    note(&error);
                    let refusal = EngineError::not_durable(&error);
                    replies.iter_mut().for_each(|(_, answer)| *answer = Err(refusal.clone()));
                    Some(error)
                }
            };
            // First: who is told that a change was lost must find the writer knowing it.
            self.flight.land(lost);
            for (reply, answer) in replies {
                // Whoever went away does not need the answer.
                let _ = reply.send(answer);
            }
        }
    }

    fn publish(&self, events: &[Event]) {
        events.iter().for_each(|event| self.view.fold(event));
        if let Some(last) = events.last() {
            self.stream.publish(events.iter().filter_map(Event::notice), last.id);
        }
        if events.iter().any(|event| is_work(&event.change)) {
            self.work.notify_waiters();
        }
    }
}

/// Batches that rest on a lost one are refused as well: the loss itself is what there is to say.
fn note(error: &StoreError) {
    if !matches!(error, StoreError::Behind) {
        tracing::error!(error = error as &dyn std::error::Error, "events not stored");
    }
}

/// Whether a scanner that waits may get something now.
fn is_work(change: &Change) -> bool {
    match change {
        Change::ImageChanged { image, was } => image.stage() == Stage::Queued && *was != Some(Stage::Queued),
        // What was kept for it is anybody's.
        Change::ScannerForgotten(_) => true,
        _ => false,
    }
}
