//! The store in one SQLite file.

mod group;
mod loading;
mod schema;
mod writing;

use crate::blob::{compress, decompress};
use crate::{Batch, Blob, Done, Notices, Store, StoreError};
use api_vocab::{Digest, ExtractorSet};
use core_model::Snapshot;
use group::{Group, Job, Packed};
use rusqlite::{Connection, OptionalExtension, params};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// What an operator may set about the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// For how many events back the event stream can be resumed.
    pub notice_window: u64,
    /// How large the file may become, in bytes; no limit but the disk's if absent.
    pub quota: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Options { notice_window: 100_000, quota: None }
    }
}

/// One file, one writing thread; readers do not wait for it.
#[derive(Debug)]
pub struct SqliteStore {
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    reader: Mutex<Connection>,
    _lock: File,
}

impl SqliteStore {
    /// Open the file, creating it or bringing its schema up to date where needed. It stays locked
    /// against other processes until the store is dropped.
    pub fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let connection = schema::open(path, &options)?;
        let reader = schema::open_reader(path)?;
        let (jobs, received) = mpsc::channel();
        let mut group = Group::new(connection, options.notice_window);
        let run = move || group.run(&received);
        let writer = std::thread::Builder::new().name("store".into()).spawn(run);
        let writer = writer.map_err(open_error(path))?;
        Ok(SqliteStore { jobs: Some(jobs), writer: Some(writer), reader: Mutex::new(reader), _lock: lock })
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hand a job to the writing thread; gives it back if that has ended.
    fn send(&self, job: Job) -> Result<(), Box<Job>> {
        match &self.jobs {
            Some(jobs) => jobs.send(job).map_err(|mpsc::SendError(job)| Box::new(job)),
            None => Err(Box::new(job)),
        }
    }
}

fn open_error<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl FnOnce(E) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::Open { path, source: Arc::new(error) }
}

/// An event's id as SQLite keeps numbers.
fn signed(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

/// One process per file: two models over one store would contradict each other.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::options().create(true).append(true).open(&name).map_err(open_error(&name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(open_error(&name)(error)),
    }
}

impl Store for SqliteStore {
    fn submit(&self, batch: Batch, done: Done) {
        let submitted = Instant::now();
        let packed = match pack(batch) {
            Ok(packed) => packed,
            // The writing thread must hear of it: later batches rest on this one.
            Err(error) => Packed { refused: Some(error), ..Packed::default() },
        };
        if let Err(job) = self.send(Job::Keep { packed, done, submitted })
            && let Job::Keep { done, .. } = *job
        {
            done(Err(StoreError::Closed));
        }
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        if self.send(Job::Recover(sender)).is_err() {
            return Err(StoreError::Closed);
        }
        receiver.recv().unwrap_or(Err(StoreError::Closed))?;
        loading::load(&mut self.reader())
    }

    fn inventory(&self, image: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let reader = self.reader();
        let query = reader.prepare_cached("SELECT body FROM inventories WHERE image = ?1");
        let body: Option<Vec<u8>> = query
            .and_then(|mut query| query.query_row([image.to_string()], |row| row.get(0)).optional())
            .map_err(StoreError::read("an inventory"))?;
        drop(reader);
        body.map(|body| decompress("an inventory", &body)).transpose()
    }

    fn layer(&self, diff_id: &Digest, extractor_set: &ExtractorSet) -> Result<Option<Vec<u8>>, StoreError> {
        let reader = self.reader();
        let sql = "SELECT body FROM layer_bodies WHERE diff_id = ?1 AND extractor_set = ?2";
        let keys = params![diff_id.to_string(), extractor_set.as_str()];
        let body: Option<Vec<u8>> = reader
            .prepare_cached(sql)
            .and_then(|mut query| query.query_row(keys, |row| row.get(0)).optional())
            .map_err(StoreError::read("a layer"))?;
        drop(reader);
        body.map(|body| decompress("a layer", &body)).transpose()
    }

    fn notices_after(&self, id: u64, limit: usize) -> Result<Notices, StoreError> {
        loading::notices_after(&mut self.reader(), id, limit)
    }
}

/// Do on the caller's thread what need not be done on the writing one.
fn pack(batch: Batch) -> Result<Packed, StoreError> {
    let notices = batch.events.iter().filter_map(core_model::Event::notice).collect();
    let mut blobs = Vec::with_capacity(batch.blobs.len());
    for blob in batch.blobs {
        blobs.push(match blob {
            Blob::Inventory { image, bytes } => {
                Blob::Inventory { image, bytes: compress("an inventory", &bytes)? }
            }
            Blob::Layer { diff_id, extractor_set, bytes } => {
                Blob::Layer { diff_id, extractor_set, bytes: compress("a layer", &bytes)? }
            }
        });
    }
    Ok(Packed { notices, events: batch.events, blobs, refused: None })
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writing thread was printed when it happened.
            let _ = writer.join();
        }
    }
}
