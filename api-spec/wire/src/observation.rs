//! What perceivers send.

use crate::context::{PodContext, Privileges};
use api_vocab::{ContainerKind, Digest, Platform, PodPhase, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// POST …/observations: what changed. At most 10,000 observations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservationBatch {
    /// In the order in which they happened.
    pub observations: Vec<Observation>,
}

/// One thing a perceiver saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly all are pods: a box each would only cost")]
pub enum Observation {
    /// A pod is there, as described; replaces what was known of it.
    PodPresent {
        /// The pod.
        pod: ObservedPod,
    },
    /// A pod is no longer there.
    PodGone {
        /// `namespace/name`, or `/name`.
        key: String,
    },
    /// An image is there that pods may run or not, as an image stream or a registry lists it.
    ImagePresent {
        /// The image.
        image: ObservedImage,
    },
    /// An image is listed no longer.
    ImageGone {
        /// By which digest it was listed.
        #[schema(value_type = String)]
        digest: Digest,
    },
}

/// An image that a source lists, whether any pod runs it or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedImage {
    /// The digest by which the source lists it.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// References that lead to it, as written; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// `repository@digest` forms from which it can be pulled; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repo_digests: Vec<String>,
}

/// A line of PUT …/state that is no pod but an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageLine {
    /// The image.
    pub image: ObservedImage,
}

/// A pod as its platform describes it. PUT …/state sends one of these, or an
/// [`ImageLine`], per line (NDJSON).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedPod {
    /// `namespace/name`, or `/name` where there are no namespaces.
    pub key: String,
    /// The platform's own id.
    pub uid: String,
    /// The node it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What that node is, as `linux/arm64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub platform: Option<Platform>,
    /// The workload it belongs to, as `deployment/web` or `compose/shop/web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it is in its life.
    #[schema(value_type = String)]
    pub phase: PodPhase,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Labels that the perceiver was told to send.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What surrounds it.
    #[serde(default, skip_serializing_if = "PodContext::is_default")]
    pub context: PodContext,
    /// Its containers.
    pub containers: Vec<ObservedContainer>,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedContainer {
    /// Its name within the pod.
    pub name: String,
    /// The part it plays.
    #[schema(value_type = String)]
    pub kind: ContainerKind,
    /// The image reference that was asked for, as written.
    pub image: String,
    /// What the runtime says is running, in the runtime's form; absent until it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// `repository@digest` forms that the runtime knows for that image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repo_digests: Vec<String>,
    /// What it may do beyond the usual.
    #[serde(default, skip_serializing_if = "Privileges::is_default")]
    pub privileges: Privileges,
}

/// The answer to observations: what was taken, and what was not and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ObservationOutcome {
    /// How many were taken; they are durable.
    pub accepted: u64,
    /// Those that were not, at most 100 of them.
    pub refused: Vec<RefusedObservation>,
    /// How many were not.
    pub refused_total: u64,
}

/// An observation that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedObservation {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// What was wrong with it, and what would be right.
    pub message: String,
}
