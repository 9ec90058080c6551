//! The event stream: what changed.

use api_vocab::{Digest, RevisionId, Severity, SourceId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One event; on the stream its `id` is the event id, so that `Last-Event-ID` resumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Ascending.
    pub id: u64,
    /// By the core's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// A pod appeared or changed.
    PodPresent {
        /// Where.
        #[schema(value_type = String)]
        source: SourceId,
        /// `namespace/name`.
        pod: String,
    },
    /// A pod is gone.
    PodGone {
        /// Where it was.
        #[schema(value_type = String)]
        source: SourceId,
        /// `namespace/name`.
        pod: String,
    },
    /// An image came to another state.
    ImageState {
        /// The image's key.
        #[schema(value_type = String)]
        image: Digest,
        /// As `queued`, `leased`, `backoff`, `scanned`, `partial`, `unscannable`.
        state: String,
        /// Why, where there is a reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Two images turned out to be one.
    ImageMerged {
        /// The key that stays.
        #[schema(value_type = String)]
        image: Digest,
        /// The key that is an alias now.
        #[schema(value_type = String)]
        alias: Digest,
    },
    /// An image is forgotten.
    ImageRetired {
        /// The image's key.
        #[schema(value_type = String)]
        image: Digest,
    },
    /// A source lists an image.
    ImageListed {
        /// Where.
        #[schema(value_type = String)]
        source: SourceId,
        /// The digest by which it is listed.
        #[schema(value_type = String)]
        image: Digest,
    },
    /// A source lists an image no longer.
    ImageUnlisted {
        /// Where it was listed.
        #[schema(value_type = String)]
        source: SourceId,
        /// The digest by which it was listed.
        #[schema(value_type = String)]
        image: Digest,
    },
    /// An image's findings changed; none are named where only what is known of them did, or how
    /// many advisories cannot be compared.
    FindingsChanged {
        /// The image's key.
        #[schema(value_type = String)]
        image: Digest,
        /// New ones, at most 100.
        appeared: Vec<FindingMention>,
        /// Those that are gone, at most 100.
        disappeared: Vec<FindingMention>,
    },
    /// Other advisories are in force.
    RevisionChanged {
        /// Which.
        #[schema(value_type = String)]
        revision: RevisionId,
    },
}

/// A finding, mentioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingMention {
    /// The vulnerability.
    pub id: String,
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// How bad it is said to be.
    #[schema(value_type = String)]
    pub severity: Severity,
}

/// Where GET /events starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// The id of the last event seen; `Last-Event-ID` says the same and goes first. Absent: only
    /// what happens from now on.
    #[serde(default, deserialize_with = "crate::page::whole", skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}
