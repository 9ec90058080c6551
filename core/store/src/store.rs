//! The one door to durability.

use crate::StoreError;
use api_vocab::{Digest, ExtractorSet};
use core_model::{Event, Notice, Snapshot};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

/// What is kept together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Events, ascending; they follow those of the batch before without a gap.
    pub events: Arc<[Event]>,
    /// Opaque bytes that belong to them.
    pub blobs: Vec<Blob>,
}

/// Opaque bytes that are kept once per content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blob {
    /// The inventory of an image; goes when the image is retired.
    Inventory {
        /// The image's key.
        image: Digest,
        /// The inventory.
        bytes: Vec<u8>,
    },
    /// What was extracted from a layer; goes when the layer is forgotten.
    Layer {
        /// Its diff-id.
        diff_id: Digest,
        /// By which extractors.
        extractor_set: ExtractorSet,
        /// What was extracted.
        bytes: Vec<u8>,
    },
}

impl Batch {
    /// A batch without blobs.
    pub fn of(events: impl Into<Arc<[Event]>>) -> Self {
        Batch { events: events.into(), blobs: Vec::new() }
    }

    /// The same with one more blob.
    pub fn with(mut self, blob: Blob) -> Self {
        self.blobs.push(blob);
        self
    }
}

/// A batch is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Durable {
    /// How long it took from submission.
    pub waited: Duration,
    /// How long the commit that holds it took, writing included.
    pub commit: Duration,
    /// How many batches share that commit.
    pub batches: usize,
}

/// Called once, on the store's own thread: hand the outcome on and return.
pub type Done = Box<dyn FnOnce(Result<Durable, StoreError>) + Send>;

/// A stretch of the event stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notices {
    /// Whether some that were asked for are no longer kept.
    pub gap: bool,
    /// Ascending.
    pub notices: Vec<Notice>,
}

/// Keeps what the model decided.
pub trait Store: Send + Sync {
    /// Keep a batch; `done` is told once it is durable, or why it is not.
    fn submit(&self, batch: Batch, done: Done);

    /// All that is kept, as the model needs it; ends the refusal of batches after a failure. After
    /// one, it fails for as long as nothing can be written.
    fn load(&self) -> Result<Snapshot, StoreError>;

    /// The inventory of the image with this key.
    fn inventory(&self, image: &Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// What these extractors found in a layer.
    fn layer(&self, diff_id: &Digest, extractor_set: &ExtractorSet) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` notices of events after `id`.
    fn notices_after(&self, id: u64, limit: usize) -> Result<Notices, StoreError>;

    /// Keep a batch, waiting until it is durable.
    fn append(&self, batch: Batch) -> Result<Durable, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let done = move |outcome| {
            // Nobody can have stopped waiting: the receiver lives until it has received.
            let _ = sender.send(outcome);
        };
        self.submit(batch, Box::new(done));
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }
}
