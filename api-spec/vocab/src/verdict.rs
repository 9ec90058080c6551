//! Verdicts: what is to be thought of a pod or an image.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is to be thought of a pod or an image. Unknown is not clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is known, and nothing of it matters.
    Pass,
    /// Something is not known, and nothing known is bad.
    Unknown,
    /// Somebody ought to look.
    Warn,
    /// It ought not to run.
    Fail,
}

impl Verdict {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Unknown => "unknown",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
