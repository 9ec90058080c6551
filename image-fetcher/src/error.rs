//! Why an image could not be found or read.

use api_vocab::Digest;
use api_wire::error::ErrorCode;
use api_wire::image_source::FetchError;
use std::time::Duration;

/// An image could not be found or read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not have it.
    #[error("{0} is not here")]
    NotFound(String),
    /// Several images fit, or none was named.
    #[error("which image? {0}")]
    Undecided(String),
    /// A document that can be read in two ways: a runtime might see another image than we.
    #[error("{document} is ambiguous: {reason}")]
    Ambiguous {
        /// The document.
        document: String,
        /// What contradicts what.
        reason: String,
    },
    /// A document that is not what it ought to be.
    #[error("{document} is malformed: {reason}")]
    Malformed {
        /// The document.
        document: String,
        /// What is wrong.
        reason: String,
    },
    /// Something over a limit.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What.
        what: String,
        /// The limit, with its unit.
        limit: &'static str,
    },
    /// A kind of content that is no root file system.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// Bytes that are not those that the digest names.
    #[error("{what} ought to be {expected}, but is {found}")]
    DigestMismatch {
        /// What was read.
        what: String,
        /// What it is called.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// A file that ends early.
    #[error("{0} ends early")]
    Truncated(String),
    /// A stream that was cut: the next attempt may be luckier.
    #[error("reading {what} was interrupted: {reason}")]
    Interrupted {
        /// What was read.
        what: String,
        /// By what.
        reason: String,
    },
    /// The engine failed.
    #[error("the engine failed to {operation}")]
    Engine {
        /// What was asked of it.
        operation: String,
        /// Its answer.
        #[source]
        source: bollard::errors::Error,
    },
    /// containerd failed.
    #[error("containerd failed to {operation}")]
    Containerd {
        /// What was asked of it.
        operation: String,
        /// Its answer.
        #[source]
        source: Box<tonic::Status>,
    },
    /// Nobody answers where a store ought to be.
    #[error("cannot {operation}")]
    Unreachable {
        /// What was tried, and what to do about it.
        operation: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A registry did not give it.
    #[error(transparent)]
    Registry(#[from] crate::stores::registry::RegistryError),
    /// A file could not be read.
    #[error("cannot {operation}")]
    Io {
        /// What was tried, and on what.
        operation: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Whoever asked has gone.
    #[error("the reader has gone")]
    ReaderGone,
    /// Our fault.
    #[error("{0}")]
    Bug(String),
}

impl ReadError {
    /// What a caller acts on.
    pub fn code(&self) -> ErrorCode {
        match self {
            ReadError::NotFound(_) => ErrorCode::NotFound,
            ReadError::Registry(error) => error.code(),
            ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                ErrorCode::NotFound
            }
            ReadError::Interrupted { .. }
            | ReadError::Engine { .. }
            | ReadError::Containerd { .. }
            | ReadError::Unreachable { .. }
            | ReadError::Io { .. } => ErrorCode::Unavailable,
            ReadError::ReaderGone | ReadError::Bug(_) => ErrorCode::Bug,
            ReadError::Undecided(_)
            | ReadError::Ambiguous { .. }
            | ReadError::Malformed { .. }
            | ReadError::TooLarge { .. }
            | ReadError::Unsupported(_)
            | ReadError::DigestMismatch { .. }
            | ReadError::Truncated(_) => ErrorCode::Unprocessable,
        }
    }

    /// Whether it says nothing of the image, only of the store at this moment.
    pub(crate) fn is_passing(&self) -> bool {
        self.code() == ErrorCode::Unavailable
    }

    /// How long another attempt is no use.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            ReadError::Registry(error) => error.retry_after(),
            _ => None,
        }
    }

    /// A malformed document.
    pub(crate) fn malformed(document: &str, reason: impl std::fmt::Display) -> Self {
        ReadError::Malformed { document: document.to_owned(), reason: reason.to_string() }
    }

    /// A failed operation on a file.
    pub(crate) fn io(operation: impl Into<String>, source: std::io::Error) -> Self {
        ReadError::Io { operation: operation.into(), source }
    }

    /// The whole chain of causes in one line.
    fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        text
    }
}

impl From<ReadError> for FetchError {
    fn from(error: ReadError) -> Self {
        let message: String = error.chain().chars().filter(|c| !c.is_control()).take(1024).collect();
        FetchError::new(error.code(), message).retry_after(error.retry_after())
    }
}
