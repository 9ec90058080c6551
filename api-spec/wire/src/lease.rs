//! Leases: asking for work, keeping it, giving it back.

use api_vocab::{Digest, ExtractorSet, LeaseId, Platform, ScannerName, SourceId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// POST /leases: a scanner asks for work. 200 with a [`Lease`], or 204 when there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaseRequest {
    /// Who asks; must be registered (409 `conflict` if the core does not know it: register again).
    #[schema(value_type = String)]
    pub scanner: ScannerName,
    /// Digests that its node's store holds, at most 10,000; images among them come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub holds: Vec<Digest>,
    /// How long to wait for work, 0 to 30 seconds.
    #[serde(default)]
    pub wait_seconds: u32,
}

/// The right to scan one image, until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lease {
    /// Its id: what all further calls name.
    #[schema(value_type = String)]
    pub id: LeaseId,
    /// The image's key.
    #[schema(value_type = String)]
    pub image: Digest,
    /// Other digests of the same content.
    #[schema(value_type = Vec<String>)]
    pub aliases: Vec<Digest>,
    /// References under which it runs, as written, with `@digest` where one is known.
    pub references: Vec<String>,
    /// Sources that run it.
    #[schema(value_type = Vec<String>)]
    pub sources: Vec<SourceId>,
    /// The platform to choose from an index, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub platform: Option<Platform>,
    /// The platform of the nodes that run it: what to choose from an index while its own is not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub runs_on: Option<Platform>,
    /// Secrets that the pods which run it are pulled with, at most 64: names, never contents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<PullSecretRef>,
    /// From 1.
    pub attempt: u32,
    /// By the core's clock.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// How long it lasts from now, so that clocks need not agree.
    pub expires_in_seconds: u32,
}

/// Where a secret lies that images are pulled with. Its content never goes over this wire: the
/// image-fetcher of that source reads it, if it may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct PullSecretRef {
    /// The cluster.
    #[schema(value_type = String)]
    pub source: SourceId,
    /// The namespace of the pods that name it.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaseRenewal {
    /// By the core's clock.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// How long it lasts from now.
    pub expires_in_seconds: u32,
}

/// What an image turned out to be, once its manifest and config were read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ImageIdentity {
    /// The digest of its config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub config: Option<Digest>,
    /// The digest of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub manifest: Option<Digest>,
    /// The digest of the index it was chosen from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub index: Option<Digest>,
    /// What it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub platform: Option<Platform>,
}

/// POST /leases/{lease}/layers: the image's layers, bottom first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LayerQuestion {
    /// What the image turned out to be.
    pub identity: ImageIdentity,
    /// Diff-ids, bottom first, at most 512.
    #[schema(value_type = Vec<String>)]
    pub layers: Vec<Digest>,
    /// The asking scanner's extractors.
    #[schema(value_type = String)]
    pub extractor_set: ExtractorSet,
}

/// Which layers the scanner is to extract.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct LayerAnswer {
    /// Unknown: granted to this lease until it expires.
    #[schema(value_type = Vec<String>)]
    pub unknown: Vec<Digest>,
    /// Known: GET /layers/{diff_id} has them.
    #[schema(value_type = Vec<String>)]
    pub known: Vec<Digest>,
    /// Granted to another lease: ask again, or extract them yourself.
    #[schema(value_type = Vec<String>)]
    pub busy: Vec<Digest>,
    /// The image turned out to be content that is scanned already: the lease has ended, nothing is
    /// left to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
}

/// POST /leases/{lease}/failure: the scan did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScanFailure {
    /// Whether another attempt may work.
    pub kind: FailureKind,
    /// What happened, for people; at most 1,024 bytes.
    pub message: String,
    /// Another attempt is no use before: a registry's limit of rates. The core waits at least so
    /// long, within its own bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// Says nothing of the image, only that it is not within this scanner's reach, or only damaged:
    /// others may have it, and are asked before it counts as failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_reach: bool,
}

/// Whether another attempt may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It may work later.
    Transient,
    /// It will not.
    Permanent,
}
