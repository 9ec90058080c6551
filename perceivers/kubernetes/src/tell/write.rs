//! What is to be written, and what came of it. Pure.

use api_vocab::{Digest, Severity};
use kube::Error;
use kube::core::Status;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Labels and annotations of something that is there.
    Marks,
    /// A ContainerImageScan.
    Summary,
    /// A Report.
    Report,
    /// An Event.
    Event,
    /// Annotations of an Image, of which others may own some.
    Image,
}

impl What {
    /// Whether it is written onto something that is there, and is never made anew.
    pub const fn is_on_others(self) -> bool {
        matches!(self, What::Marks | What::Image)
    }

    /// As in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            What::Marks => "marks",
            What::Summary => "summary",
            What::Report => "report",
            What::Event => "event",
            What::Image => "image",
        }
    }
}

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Group and version.
    pub api_version: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its namespace; empty if it is in none.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// What is done there.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Apply these fields; then these of its status.
    Apply {
        /// What is ours of it, in full.
        body: Value,
        /// The same of its status.
        status: Option<Value>,
    },
    /// Make it.
    Create(Value),
    /// Delete it.
    Delete,
}

/// Findings that a summary wants to list; the core is asked for them just before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The image's key.
    pub image: Digest,
    /// Those of at least this severity.
    pub at_least: Severity,
    /// Only those that have a fix.
    pub fixable: bool,
    /// What was listed there last, if anything is known of it.
    pub listed: Option<String>,
}

/// Something that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Write<M> {
    /// What.
    pub what: What,
    /// Where.
    pub place: Place,
    /// How.
    pub action: Action,
    /// What its status lists besides.
    pub wish: Option<Wish>,
    /// What whoever decided it wants to know afterwards.
    pub memo: M,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Done,
    /// It was so already.
    Same,
    /// What it was about is gone, or another one has its name: nothing is to be done any more.
    Gone,
    /// Not allowed, or a kind that the cluster does not know: such writes are left alone for a while.
    Closed(Closed),
    /// Not now: to be tried again.
    Later(Option<Duration>),
    /// The server does not take it as it is, and will not.
    Refused(String),
}

/// Why a kind is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// No permission.
    Forbidden,
    /// The cluster does not serve it.
    Unserved,
}

impl Outcome {
    /// As in metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Same => "same",
            Outcome::Gone => "gone",
            Outcome::Closed(_) => "closed",
            Outcome::Later(_) => "later",
            Outcome::Refused(_) => "refused",
        }
    }

    /// What it means that the server, or the wire, answered so to a write of `what`.
    pub fn of(what: What, error: &Error) -> Self {
        match error {
            Error::Api(status) => of_status(what, status),
            Error::SerdeError(_) | Error::BuildRequest(_) => {
                Outcome::Refused("it cannot be put into a request".to_owned())
            }
            _ => Outcome::Later(None),
        }
    }
}

fn of_status(what: What, status: &Status) -> Outcome {
    let says = |part: &str| status.message.contains(part);
    match status.code {
        // A namespace that ends takes nothing new, and takes all that is in it along.
        403 if says("being terminated") => Outcome::Gone,
        // Applying would make what is gone, which nobody lets us.
        403 if what.is_on_others() && says("cannot create") => Outcome::Gone,
        401 => Outcome::Later(None),
        403 => Outcome::Closed(Closed::Forbidden),
        404 if what.is_on_others() || says("namespaces \"") || names_an_object(status) => Outcome::Gone,
        404 => Outcome::Closed(Closed::Unserved),
        // Others own a field, and keep it.
        409 if what == What::Image => refused(status),
        // Of its own id: fields are applied by force.
        409 => Outcome::Gone,
        422 if says("metadata.uid") => Outcome::Gone,
        429 | 500..=599 => Outcome::Later(wait(status)),
        _ => refused(status),
    }
}

fn refused(status: &Status) -> Outcome {
    Outcome::Refused(status.message.chars().filter(|c| !c.is_control()).take(256).collect())
}

fn names_an_object(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.name.is_empty())
}

fn wait(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds).min(60)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(code: u16, message: &str, details: Value) -> Error {
        let status = json!({ "code": code, "message": message, "reason": "", "details": details });
        Error::Api(Box::new(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn answer_of_the_server_means_what_it_means() {
        let forbidden = Outcome::Closed(Closed::Forbidden);
        for (what, code, message, details, outcome) in [
            (
                What::Marks,
                403,
                "pods \"x\" is forbidden: cannot patch resource",
                json!({}),
                forbidden.clone(),
            ),
            (What::Summary, 403, "cannot create resource", json!({}), forbidden),
            (What::Marks, 403, "cannot create resource \"pods\"", json!({}), Outcome::Gone),
            (What::Summary, 403, "because it is being terminated", json!({}), Outcome::Gone),
            (What::Marks, 404, "pods \"x\" not found", json!({}), Outcome::Gone),
            (What::Summary, 404, "namespaces \"x\" not found", json!({ "name": "x" }), Outcome::Gone),
            (
                What::Summary,
                404,
                "the server could not find it",
                json!({}),
                Outcome::Closed(Closed::Unserved),
            ),
            (What::Marks, 409, "uid mismatch", json!({}), Outcome::Gone),
            (What::Image, 404, "images \"x\" not found", json!({}), Outcome::Gone),
            (
                What::Image,
                409,
                "conflict with \"oc\"",
                json!({}),
                Outcome::Refused("conflict with \"oc\"".to_owned()),
            ),
            (What::Marks, 422, "metadata.uid: field is immutable", json!({}), Outcome::Gone),
            (What::Marks, 422, "bad label", json!({}), Outcome::Refused("bad label".to_owned())),
            (
                What::Event,
                429,
                "slow",
                json!({ "retryAfterSeconds": 7 }),
                Outcome::Later(Some(Duration::from_secs(7))),
            ),
            (What::Event, 503, "down", json!({}), Outcome::Later(None)),
        ] {
            assert_eq!(Outcome::of(what, &status(code, message, details)), outcome, "{code} {message}");
        }
    }
}
