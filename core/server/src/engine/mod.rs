//! The engine: one writer owns the model; everyone else holds this handle.

mod flight;
mod publisher;
mod stream;
mod writer;

pub use flight::Flight;
pub use publisher::{Landed, Publisher};
pub use stream::{EventStream, Replay};
pub use writer::Writer;

use api_vocab::{Digest, ExtractorSet};
use core_model::{Answer, Command, Refusal};
use core_store::StoreError;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, oneshot};

/// Commands that may wait before callers are told to come again.
const WAITING: usize = 8_192;

/// Hands commands to the writer; clones are the same engine.
#[derive(Debug, Clone)]
pub struct Engine {
    jobs: mpsc::Sender<Message>,
    work: Arc<Notify>,
}

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// Apply a command.
    Job(Box<Job>),
    /// End, once everything that came before is done.
    Stop,
}

/// A command and whoever waits for its answer.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) attachment: Option<Attachment>,
    pub(crate) reply: oneshot::Sender<Result<Answer, EngineError>>,
}

/// Bytes that are kept along with what a command changes, or not at all.
#[derive(Debug)]
pub(crate) enum Attachment {
    /// The inventory of the image that a report is about.
    Inventory(Vec<u8>),
    /// What was extracted from a layer.
    Layer { diff_id: Digest, extractor_set: ExtractorSet, bytes: Vec<u8> },
}

/// A command that was begun.
#[derive(Debug)]
pub(crate) struct Begun(oneshot::Receiver<Result<Answer, EngineError>>);

impl Begun {
    /// Its answer, once what it changed is durable.
    pub(crate) async fn answer(self) -> Result<Answer, EngineError> {
        self.0.await.map_err(|_| EngineError::Stopped)?
    }
}

/// An answer, and whoever waits for it.
pub(crate) type Reply = (oneshot::Sender<Result<Answer, EngineError>>, Result<Answer, EngineError>);

/// Why a command has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It does not fit the model's state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be made durable; nothing has changed.
    #[error("the store does not take changes at the moment; nothing has changed")]
    NotDurable,
    /// The same, for want of room.
    #[error(
        "the disk or the store's quota is full; nothing has changed; the core goes on once there is room"
    )]
    DiskFull,
    /// The process is going down.
    #[error("the core is going down")]
    Stopped,
    /// The model answered something that the command does not call for.
    #[error("the answer to {0} is of another kind")]
    Mismatched(&'static str),
}

impl EngineError {
    /// What to say to whoever asked for a change that the store lost.
    fn not_durable(lost: &StoreError) -> Self {
        if matches!(lost, StoreError::Full(_)) { EngineError::DiskFull } else { EngineError::NotDurable }
    }
}

impl Engine {
    /// An engine, and the queue that its writer is to work off.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (jobs, queue) = mpsc::channel(WAITING);
        (Engine { jobs, work: Arc::new(Notify::new()) }, queue)
    }

    /// Have `command` applied and made durable.
    pub async fn apply(&self, command: Command) -> Result<Answer, EngineError> {
        self.send(command, None).await
    }

    /// The same, with bytes that are kept along with what the command changes.
    pub(crate) async fn apply_with(
        &self,
        command: Command,
        attachment: Attachment,
    ) -> Result<Answer, EngineError> {
        self.send(command, Some(attachment)).await
    }

    async fn send(&self, command: Command, attachment: Option<Attachment>) -> Result<Answer, EngineError> {
        self.begin(command, attachment).await?.answer().await
    }

    /// Have `command` applied after everything that was begun before; the answer is waited for later.
    pub(crate) async fn begin(
        &self,
        command: Command,
        attachment: Option<Attachment>,
    ) -> Result<Begun, EngineError> {
        let (reply, answer) = oneshot::channel();
        let job = Message::Job(Box::new(Job { command, attachment, reply }));
        self.jobs.send(job).await.map_err(|_| EngineError::Stopped)?;
        Ok(Begun(answer))
    }

    /// Have the writer end, once everything that was asked before is done.
    pub(crate) async fn stop(&self) {
        let _ = self.jobs.send(Message::Stop).await;
    }

    /// Woken whenever an image is queued.
    pub(crate) fn work(&self) -> &Arc<Notify> {
        &self.work
    }

    /// How many commands wait.
    pub fn waiting(&self) -> usize {
        WAITING.saturating_sub(self.jobs.capacity())
    }
}

#[cfg(test)]
mod tests;
