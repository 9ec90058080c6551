//! What can be wrong with an index.

use std::path::PathBuf;

/// An index that could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The disk failed, or there is no such file.
    #[error("could not open the advisory index {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
    },
    /// The disk failed.
    #[error("could not write the advisory index {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
    },
    /// Something else.
    #[error("{subject} is not an advisory index")]
    NotAnIndex {
        /// The file.
        subject: String,
    },
    /// An index that another version of this program wrote.
    #[error("{subject} is an advisory index of format {format}; expected {expected}: build it again")]
    Format {
        /// The file.
        subject: String,
        /// Its format.
        format: u32,
        /// Ours.
        expected: u32,
    },
    /// Cut short or changed since it was written.
    #[error("the advisory index {subject} is damaged: {what}")]
    Damaged {
        /// The file.
        subject: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// More than the format holds.
    #[error("the advisories take more than 4 GiB")]
    TooLarge,
}
