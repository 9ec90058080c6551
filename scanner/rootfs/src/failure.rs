//! Why the bytes of a layer ended before the layer did.

use api_vocab::{Problem, ProblemCode};
use std::io;

/// The end of reading. Kept, so that every later read says the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Failure {
    pub(crate) code: ProblemCode,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Failure { code, detail: detail.into() }
    }

    /// The archive ends inside an entry.
    pub(crate) fn truncated() -> Self {
        Failure::new(ProblemCode::Truncated, "the archive ends inside an entry")
    }

    /// What a reader's or decompressor's error says about a layer.
    pub(crate) fn of(error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::UnexpectedEof => ProblemCode::Truncated,
            io::ErrorKind::TimedOut => ProblemCode::TimeExceeded,
            io::ErrorKind::FileTooLarge => ProblemCode::TooLarge,
            _ => ProblemCode::Malformed,
        };
        Failure::new(code, format!("cannot read on: {error}"))
    }

    /// A problem of the whole layer.
    pub(crate) fn problem(&self) -> Problem {
        Problem::new(self.code, "", &self.detail)
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        let kind = match failure.code {
            ProblemCode::Truncated => io::ErrorKind::UnexpectedEof,
            ProblemCode::TimeExceeded => io::ErrorKind::TimedOut,
            ProblemCode::TooLarge => io::ErrorKind::FileTooLarge,
            ProblemCode::Unsupported => io::ErrorKind::Unsupported,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, failure)
    }
}
