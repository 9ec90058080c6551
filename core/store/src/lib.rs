//! Durability: what the model decided is kept before anybody is told.
//!
//! # The API in one page
//!
//! ```text
//! trait Store   submit(Batch, done)   append(Batch)   load() -> Snapshot   inventory  layer  notices_after
//! SqliteStore::open(path, Options)    MemoryStore::default()    both pass one contract suite
//! ```
//!
//! * A [`Batch`] is the events of one or more commands, in the order of their ids, and the blobs
//!   that belong to them (inventories, layers). It is kept whole or not at all.
//! * [`Store::submit`] answers when the batch is durable: after the commit that holds it. Batches
//!   that wait at the same time share a commit. Batches are kept in the order of submission.
//! * **If a commit fails** (disk full, I/O error) every batch in it is refused, and so is every
//!   later one ([`StoreError::Behind`]) until [`Store::load`] is called: what was decided after a
//!   loss rests on it. The writer then replaces its model by one restored from `load()`, answers
//!   "try again" to whoever waited, and goes on.
//! * [`Durable`] says how long the batch waited, and how large its commit was.
//! * The notices of the event stream are kept for the last [`Options::notice_window`] events.
//!
//! # Refuses
//!
//! Decisions, and making the model's types serialisable: how a row looks is this crate's secret
//! (`rows`), and a schema from the future is refused rather than guessed at.

mod blob;
mod error;
mod memory;
mod rows;
mod sqlite;
mod store;

pub use error::{Remedy, StoreError};
pub use memory::MemoryStore;
pub use sqlite::{Options, SqliteStore};
pub use store::{Batch, Blob, Done, Durable, Notices, Store};
