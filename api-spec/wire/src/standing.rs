//! Standings: how pods and listed images of one source stand, for perceivers that tell their
//! platform. Counts and states only; findings are asked for image by image.

use crate::summary::SeverityCounts;
use api_vocab::{ContainerKind, Digest, Timestamp, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A line (NDJSON) of GET …/standings: first everything, then what changes, for as long as the
/// connection lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StandingLine {
    /// A pod stands like this; replaces what was said of it.
    Pod {
        /// The pod.
        pod: PodStanding,
    },
    /// An image that the source lists, whether a pod runs it or not, stands like this.
    Image {
        /// The image.
        image: ImageStanding,
    },
    /// Everything was said once; what follows are changes.
    Whole,
    /// Nothing to say: the connection lives.
    Alive,
}

/// How a pod stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PodStanding {
    /// `namespace/name`.
    pub key: String,
    /// The platform's own id: another pod may have its name by now.
    pub uid: String,
    /// What is to be thought of it.
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// Findings of its images together, as far as its own settings let them count; absent while
    /// any of them is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<SeverityCounts>,
    /// Its containers, in the order in which they were observed.
    pub containers: Vec<ContainerStanding>,
}

/// How a container of a pod stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContainerStanding {
    /// Its name.
    pub name: String,
    /// The part it plays.
    #[schema(value_type = String)]
    pub kind: ContainerKind,
    /// The reference that was asked for.
    pub reference: String,
    /// The image that runs, by the core's key; absent while it is unresolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub image: Option<Digest>,
    /// The image's state, as `scanned`; `unresolved` while there is no image.
    pub state: String,
    /// Findings of its image, as far as the pod's settings let them count; absent while not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<SeverityCounts>,
    /// When its image was last scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scanned_at: Option<Timestamp>,
}

/// How an image that a source lists stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageStanding {
    /// The digest by which the source lists it.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// What is to be thought of it.
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// Its state, as `scanned`.
    pub state: String,
    /// Its findings; absent while not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<SeverityCounts>,
    /// When it was last scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scanned_at: Option<Timestamp>,
}
