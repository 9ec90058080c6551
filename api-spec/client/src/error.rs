//! What went wrong, and the one question it answers: try again, give up, or is it a bug?

use api_wire::error::{ErrorBody, ErrorCode, ErrorEnvelope};
use reqwest::StatusCode;
use std::path::PathBuf;
use std::time::Duration;

/// A call that did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The settings are wrong.
    #[error("client of the core: {reason}")]
    Settings {
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A file that the settings name cannot be used.
    #[error("client of the core: read {what} from {path}: {reason}", path = path.display())]
    File {
        /// Token or authorities.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There was no answer, or it ended early.
    #[error("{operation}: the core does not answer: {}", cause(source))]
    Unreachable {
        /// What was tried.
        operation: &'static str,
        /// Why there was none.
        source: reqwest::Error,
    },
    /// The core fell silent within an answer that is to go on.
    #[error("{operation}: the core has said nothing for {seconds} seconds")]
    Silent {
        /// What was tried.
        operation: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// The core said no.
    #[error("{operation}: {} ({status})", refusal.as_ref().map_or("refused", |r| &r.message))]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// What the core said, if it was the core that spoke.
        refusal: Option<ErrorBody>,
        /// When to come again.
        retry_after: Option<Duration>,
    },
    /// The answer cannot be understood.
    #[error("{operation}: cannot understand the answer: {reason}")]
    Malformed {
        /// What was tried.
        operation: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// What to do about a call that did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// It may work later.
    Retry,
    /// It will not work; the caller asked for something it cannot have.
    GiveUp,
    /// It should have worked.
    Bug,
}

impl ClientError {
    /// Try again, give up, or is it a bug?
    pub fn advice(&self) -> Advice {
        match self {
            ClientError::Unreachable { source, .. } if source.is_builder() => Advice::Bug,
            ClientError::Unreachable { .. } | ClientError::Silent { .. } => Advice::Retry,
            ClientError::Refused { refusal: Some(refusal), .. } if refusal.code.is_retryable() => {
                Advice::Retry
            }
            ClientError::Refused { refusal: Some(refusal), .. } if refusal.code == ErrorCode::Bug => {
                Advice::Bug
            }
            ClientError::Refused { refusal: Some(_), .. } => Advice::GiveUp,
            ClientError::Refused { status: 429 | 502 | 503 | 504, .. } => Advice::Retry,
            ClientError::Refused { status: 400..500, .. } => Advice::GiveUp,
            ClientError::Refused { .. } | ClientError::Malformed { .. } => Advice::Bug,
            ClientError::Settings { .. } | ClientError::File { .. } => Advice::GiveUp,
        }
    }

    /// The core's code, if the core spoke.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            ClientError::Refused { refusal, .. } => refusal.as_ref().map(|refusal| refusal.code),
            _ => None,
        }
    }

    /// When to come again, if the core said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ClientError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the core did not even begin to do what was asked.
    pub(crate) fn is_untouched(&self) -> bool {
        match self {
            ClientError::Unreachable { source, .. } => source.is_connect(),
            ClientError::Refused { status, .. } => *status == 429,
            _ => false,
        }
    }

    pub(crate) fn refused(
        operation: &'static str,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let envelope: Option<ErrorEnvelope> = serde_json::from_slice(body).ok();
        let refusal = envelope.map(|envelope| envelope.error);
        ClientError::Refused { operation, status: status.as_u16(), refusal, retry_after }
    }
}

/// The innermost cause: what happened, without the path by which it came to us.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> ClientError {
        ClientError::refused("ask", StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
    }

    #[test]
    fn advice_follows_the_code_and_without_one_the_status() {
        let envelope =
            |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m","request_id":"r"}}}}"#);
        for (status, body, advice) in [
            (503, envelope("unavailable"), Advice::Retry),
            (429, envelope("rate_limited"), Advice::Retry),
            (500, envelope("bug"), Advice::Bug),
            (409, envelope("lease_lost"), Advice::GiveUp),
            (404, envelope("not_found"), Advice::GiveUp),
            (502, "<html>gateway</html>".to_owned(), Advice::Retry),
            (503, String::new(), Advice::Retry),
            (500, String::new(), Advice::Bug),
            (404, String::new(), Advice::GiveUp),
            (302, String::new(), Advice::Bug),
        ] {
            assert_eq!(refused(status, &body).advice(), advice, "{status} {body}");
        }
    }

    #[test]
    fn message_is_the_cores_own() {
        let body = r#"{"error":{"code":"conflict","message":"register first","request_id":"r"}}"#;
        assert_eq!(refused(409, body).to_string(), "ask: register first (409)");
        assert_eq!(refused(502, "x").to_string(), "ask: refused (502)");
    }
}
