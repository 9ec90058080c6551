//! Why a registry did not give what was asked for.

use api_wire::error::ErrorCode;
use std::time::Duration;

/// A registry did not give what was asked for. What it wrote itself is not repeated: answers of
/// whatever stands at an address must not come to light in messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It does not have it.
    #[error("{host} does not have {what}")]
    NotFound {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// It lets us in with none of the credentials that fit, nor without.
    #[error("{host} refuses to give {what} ({tried}); add credentials for it, or a pull secret")]
    Denied {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
        /// What it was tried with.
        tried: String,
    },
    /// It wants to be left alone for a while.
    #[error("{host} limits how often it may be asked; again in {} s", wait.as_secs().max(1))]
    Limited {
        /// The registry.
        host: String,
        /// For how long.
        wait: Duration,
    },
    /// It cannot serve now.
    #[error("{host} answered with status {status}")]
    Failing {
        /// The registry.
        host: String,
        /// The status.
        status: u16,
        /// For how long it expects to.
        wait: Option<Duration>,
    },
    /// It does not answer, or not well.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The registry.
        host: String,
        /// Why.
        reason: String,
    },
    /// It stands where the fetcher does not go.
    #[error("{host} stands at an address that is not asked; list it in registry.hosts if it is a registry")]
    AddressRefused {
        /// The host.
        host: String,
    },
    /// It points to a place that is not followed.
    #[error("{host} points to {target}, which is not followed: {reason}")]
    Misdirected {
        /// The registry.
        host: String,
        /// The host it points to.
        target: String,
        /// Why not.
        reason: &'static str,
    },
    /// An answer that is none of the above.
    #[error("{host} gave an answer that is not understood: {reason}")]
    Odd {
        /// The registry.
        host: String,
        /// What is odd.
        reason: String,
    },
    /// Our settings for it do not work.
    #[error("settings for {host}: {reason}")]
    Settings {
        /// The registry.
        host: String,
        /// What is wrong.
        reason: String,
    },
}

impl RegistryError {
    /// What a caller acts on.
    pub fn code(&self) -> ErrorCode {
        match self {
            RegistryError::NotFound { .. } => ErrorCode::NotFound,
            RegistryError::Denied { .. } => ErrorCode::Forbidden,
            RegistryError::Limited { .. } => ErrorCode::RateLimited,
            RegistryError::Failing { .. }
            | RegistryError::Unreachable { .. }
            | RegistryError::Settings { .. } => ErrorCode::Unavailable,
            RegistryError::AddressRefused { .. }
            | RegistryError::Misdirected { .. }
            | RegistryError::Odd { .. } => ErrorCode::Unprocessable,
        }
    }

    /// How long another attempt is no use.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            RegistryError::Limited { wait, .. } => Some(*wait),
            RegistryError::Failing { wait, .. } => *wait,
            _ => None,
        }
    }
}
