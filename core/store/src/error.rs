//! What can go wrong with keeping things, and what to do about it.

use std::path::PathBuf;
use std::sync::Arc;

/// A failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or set up.
    #[error("cannot open the store {path}")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Another process has it.
    #[error("the store {path} is in use by another process")]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error(
        "the store {path} has schema {found}; this program knows schemas up to {known}: use the newer program"
    )]
    NewerSchema {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The disk, or what the store may use of it, is full.
    #[error("cannot keep events: the disk or the store's quota is full")]
    Full(#[source] Arc<rusqlite::Error>),
    /// Events could not be written.
    #[error("cannot keep events")]
    Write(#[source] Arc<rusqlite::Error>),
    /// Events were refused because earlier ones were lost; load first.
    #[error("cannot keep events: earlier ones were lost, the model must be loaded again")]
    Behind,
    /// Something could not be read.
    #[error("cannot read {what}")]
    Read {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// A row is not what we wrote.
    #[error("cannot read a row of {what}: {message}")]
    Row {
        /// Of which table.
        what: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A value has no row form; nothing of its batch was kept.
    #[error("cannot write a row of {what}: {message}")]
    Unwritable {
        /// Of which table.
        what: &'static str,
        /// What is wrong.
        message: String,
    },
    /// Bytes could not be compressed or decompressed.
    #[error("cannot (de)compress {what}")]
    Compression {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The store's thread has ended.
    #[error("the store is closed")]
    Closed,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Load, then try again: it may work later.
    Retry,
    /// A person has to do something.
    GiveUp,
    /// A mistake of ours.
    Bug,
}

impl StoreError {
    /// What to do about it.
    pub const fn remedy(&self) -> Remedy {
        match self {
            StoreError::Full(_) | StoreError::Write(_) | StoreError::Behind | StoreError::Read { .. } => {
                Remedy::Retry
            }
            StoreError::Open { .. }
            | StoreError::InUse { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::Row { .. }
            | StoreError::Compression { .. }
            | StoreError::Closed => Remedy::GiveUp,
            StoreError::Unwritable { .. } => Remedy::Bug,
        }
    }

    pub(crate) fn write(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
            StoreError::Full(Arc::new(error))
        } else {
            StoreError::Write(Arc::new(error))
        }
    }

    pub(crate) fn read(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |error| StoreError::Read { what, source: Arc::new(error) }
    }
}
