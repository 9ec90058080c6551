//! The writing thread: batches that wait at the same time share a commit.

use super::writing;
use crate::{Blob, Done, Durable, StoreError};
use core_model::{Event, Notice};
use rusqlite::{Connection, TransactionBehavior};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// Events beyond which a commit takes no further batch.
const MAX_EVENTS: usize = 20_000;
/// After which quiet the time counts as over that filled the page cache.
const REST: Duration = Duration::from_secs(1);

/// What the writing thread is asked.
pub(super) enum Job {
    /// Keep a batch.
    Keep { packed: Packed, done: Done, submitted: Instant },
    /// All that was lost is known to be: take batches again, if there is room for any.
    Recover(SyncSender<Result<(), StoreError>>),
}

/// A batch whose blobs are compressed.
#[derive(Default)]
pub(super) struct Packed {
    pub(super) events: Arc<[Event]>,
    pub(super) notices: Vec<Notice>,
    pub(super) blobs: Vec<Blob>,
    /// Why it cannot be kept, if that is known already.
    pub(super) refused: Option<StoreError>,
}

/// The writing thread's own.
pub(super) struct Group {
    connection: Connection,
    notice_window: u64,
    behind: bool,
}

type Waiting = Vec<(Packed, Done, Instant)>;

impl Group {
    pub(super) fn new(connection: Connection, notice_window: u64) -> Self {
        Group { connection, notice_window, behind: false }
    }

    /// Until nobody can ask any more.
    pub(super) fn run(&mut self, jobs: &Receiver<Job>) {
        while let Some(first) = self.next(jobs) {
            let (waiting, recover) = gather(first, jobs);
            self.keep(waiting);
            if let Some(answer) = recover {
                // Whoever asked may have gone away meanwhile; nothing is lost by that.
                let _ = answer.send(self.recover());
            }
        }
    }

    /// The next job; none when nobody can ask any more. Pages that a busy time left in memory are
    /// let go once it is over.
    fn next(&mut self, jobs: &Receiver<Job>) -> Option<Job> {
        match jobs.recv_timeout(REST) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            // Only memory is lost if it does not work.
            Err(RecvTimeoutError::Timeout) => drop(self.connection.execute_batch("PRAGMA shrink_memory")),
        }
        jobs.recv().ok()
    }

    fn keep(&mut self, waiting: Waiting) {
        if waiting.is_empty() {
            return;
        }
        if self.behind {
            return waiting.into_iter().for_each(|(_, done, _)| done(Err(StoreError::Behind)));
        }
        let started = Instant::now();
        let outcome = self.commit(&waiting);
        self.behind = outcome.is_err();
        let (commit, batches) = (started.elapsed(), waiting.len());
        for (_, done, submitted) in waiting {
            let durable = Durable { waited: submitted.elapsed(), commit, batches };
            done(outcome.clone().map(|()| durable));
        }
    }

    /// Take batches again after a failure, once something can be written: a full disk can be read.
    fn recover(&mut self) -> Result<(), StoreError> {
        if self.behind {
            writing::try_out(&self.connection)?;
            self.behind = false;
        }
        Ok(())
    }

    fn commit(&mut self, waiting: &Waiting) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::write)?;
        for (packed, ..) in waiting {
            if let Some(refused) = &packed.refused {
                return Err(refused.clone());
            }
            writing::keep(&transaction, packed)?;
        }
        let last = waiting.iter().filter_map(|(packed, ..)| packed.events.last()).next_back();
        let notices = waiting.iter().flat_map(|(packed, ..)| &packed.notices);
        writing::tell(&transaction, notices)?;
        if let Some(last) = last {
            writing::close(&transaction, last.id, self.notice_window)?;
        }
        transaction.commit().map_err(StoreError::write)
    }
}

/// The first job and all that wait behind it, up to a recovery.
fn gather(first: Job, jobs: &Receiver<Job>) -> (Waiting, Option<SyncSender<Result<(), StoreError>>>) {
    let mut waiting = Waiting::new();
    let mut events = 0;
    let mut next = Some(first);
    while let Some(job) = next {
        match job {
            Job::Recover(answer) => return (waiting, Some(answer)),
            Job::Keep { packed, done, submitted } => {
                events += packed.events.len();
                waiting.push((packed, done, submitted));
            }
        }
        next = if events < MAX_EVENTS { jobs.try_recv().ok() } else { None };
    }
    (waiting, None)
}
