//! Why a scan did not work, and whether another attempt may.

use api_client::{Advice, ClientError};
use api_vocab::{Digest, Platform};
use api_wire::error::ErrorCode;
use api_wire::image_source::FetchError;
use api_wire::lease::{FailureKind, ScanFailure};
use std::time::Duration;

/// The core takes no more of a message.
const MAX_MESSAGE: usize = 1024;

/// A scan did not work.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The image, or one of its layers, could not be fetched.
    #[error("fetch the image: {0}")]
    Fetch(#[source] FetchError),
    /// The stream of layers ended before they were all there.
    #[error("fetch the image: the stream of layers was cut")]
    Cut,
    /// The image is for another operating system than we read.
    #[error("the image is for {0}; only Linux images are read")]
    ForeignSystem(Platform),
    /// A layer is not what the image's config says.
    #[error("layer {expected} is {found}")]
    WrongLayer {
        /// What the config says.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// The core could not be asked or told.
    #[error("talk to the core: {0}")]
    Core(#[source] ClientError),
    /// The lease belongs to somebody else by now, or to nobody.
    #[error("the lease is lost")]
    LeaseLost,
    /// The scanner shuts down.
    #[error("the scanner shuts down")]
    GivenBack,
    /// Our fault.
    #[error("{0}")]
    Bug(String),
}

impl ScanError {
    /// Whether another attempt may work. An image that is not here may come, or the store
    /// may have been too slow to show it: the core's limit of attempts ends that.
    pub fn kind(&self) -> FailureKind {
        match self {
            ScanError::Fetch(error) if is_final(error.code) => FailureKind::Permanent,
            ScanError::ForeignSystem(_) | ScanError::WrongLayer { .. } => FailureKind::Permanent,
            _ => FailureKind::Transient,
        }
    }

    /// Whether another scanner may have the image: this one's stores do not, or cannot hand it out
    /// as it was.
    fn is_out_of_reach(&self) -> bool {
        match self {
            ScanError::Fetch(error) => {
                matches!(error.code, ErrorCode::NotFound | ErrorCode::Forbidden | ErrorCode::Unprocessable)
            }
            ScanError::WrongLayer { .. } => true,
            _ => false,
        }
    }

    /// Whether to try once more under the same lease.
    pub(crate) fn is_worth_repeating(&self) -> bool {
        match self {
            // A fetcher that restarted has forgotten the image's handle.
            ScanError::Fetch(error) => error.code.is_retryable() || error.code == ErrorCode::NotFound,
            ScanError::Cut => true,
            ScanError::Core(error) => error.advice() == Advice::Retry,
            _ => false,
        }
    }

    /// What the core is told.
    pub(crate) fn failure(&self) -> ScanFailure {
        let mut message = String::new();
        for c in self.to_string().chars().filter(|c| !c.is_control()) {
            if message.len() + c.len_utf8() > MAX_MESSAGE {
                break;
            }
            message.push(c);
        }
        let seconds = |wait: Duration| u32::try_from(wait.as_secs().max(1)).unwrap_or(u32::MAX);
        ScanFailure {
            kind: self.kind(),
            message,
            retry_after_seconds: self.retry_after().map(seconds),
            out_of_reach: self.is_out_of_reach(),
        }
    }

    /// How long another attempt is no use.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            ScanError::Fetch(error) => error.retry_after,
            _ => None,
        }
    }

    /// An answer of the core: a lost lease is its own thing.
    pub(crate) fn of_core(error: ClientError) -> Self {
        match error.code() {
            Some(ErrorCode::LeaseLost | ErrorCode::NotFound) => ScanError::LeaseLost,
            _ => ScanError::Core(error),
        }
    }
}

fn is_final(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Unprocessable | ErrorCode::Invalid | ErrorCode::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_of_each_code_says_whether_another_attempt_may_work() {
        for (code, kind, out_of_reach) in [
            (ErrorCode::NotFound, FailureKind::Transient, true),
            (ErrorCode::Forbidden, FailureKind::Transient, true),
            (ErrorCode::Unavailable, FailureKind::Transient, false),
            (ErrorCode::Bug, FailureKind::Transient, false),
            (ErrorCode::Unprocessable, FailureKind::Permanent, true),
            (ErrorCode::TooLarge, FailureKind::Permanent, false),
        ] {
            let failure = ScanError::Fetch(FetchError::new(code, "x")).failure();
            assert_eq!((failure.kind, failure.out_of_reach), (kind, out_of_reach), "{code:?}");
        }
    }

    #[test]
    fn failure_message_is_cut_and_harmless() {
        let error = ScanError::Fetch(FetchError::new(ErrorCode::Bug, "é\u{1b}".repeat(2000)));
        let message = error.failure().message;
        assert!(message.len() <= 1024 && !message.contains('\u{1b}'), "{message}");
    }

    #[test]
    fn failure_with_a_time_tells_the_core() {
        let limited = FetchError::new(ErrorCode::RateLimited, "x").retry_after(Some(Duration::from_secs(90)));
        let failure = ScanError::Fetch(limited).failure();
        assert_eq!((failure.kind, failure.retry_after_seconds), (FailureKind::Transient, Some(90)));
    }
}
