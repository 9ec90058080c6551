//! Images as readers see them.

use crate::context::ExposurePath;
use crate::inventory::{Distro, Problem};
use crate::page::Order;
use crate::revision::AdvisorySet;
use crate::summary::SeverityCounts;
use api_vocab::{Digest, Platform, ScannerName, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// Its key: the digest by which it was first known.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Other digests of the same content.
    #[schema(value_type = Vec<String>)]
    pub aliases: Vec<Digest>,
    /// References under which it runs, as written.
    pub references: Vec<String>,
    /// What it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub platform: Option<Platform>,
    /// The distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<Distro>,
    /// Where it is in its life, and why.
    pub state: ImageState,
    /// How many pods run it.
    pub pods: u64,
    /// How many packages were found; absent until it was scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<u64>,
    /// Findings by severity; absent until packages were matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<SeverityCounts>,
    /// Diff-ids, bottom first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub layers: Vec<Digest>,
    /// When it was first seen.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// When it was last scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scanned_at: Option<Timestamp>,
    /// The kind of store that its layers came from, as `docker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_from: Option<String>,
    /// What surrounds the pods that run it; only where one image is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ImageContext>,
    /// The advisories in force; only where one image is asked for, else beside the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<AdvisorySet>,
}

/// What surrounds the pods that run an image, taken together; each list names at most 20.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ImageContext {
    /// How many pods a way from outside leads to.
    pub public_pods: u64,
    /// Such ways.
    pub exposure: Vec<ExposurePath>,
    /// How many of its containers may do everything that the node may.
    pub privileged_containers: u64,
    /// Service accounts.
    pub service_accounts: Vec<String>,
    /// Teams that are to be told.
    pub teams: Vec<String>,
    /// Namespaces of the node that are shared.
    pub host_namespaces: Vec<String>,
    /// Platforms of the nodes. Where there are others than the image's own, their pods run other
    /// builds of it, which were not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub platforms: Vec<Platform>,
}

/// Where an image is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ImageState {
    /// Waits for a scanner.
    Queued {
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
    },
    /// A scanner has it.
    Leased {
        /// Which.
        #[schema(value_type = String)]
        scanner: ScannerName,
        /// Until when, unless renewed.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
        /// From 1.
        attempt: u32,
    },
    /// An attempt failed; the next one comes.
    Backoff {
        /// When.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
        /// How many failed.
        attempt: u32,
        /// Why the last one did.
        reason: String,
    },
    /// Its inventory is known.
    Scanned {
        /// Whether all of it could be read.
        partial: bool,
        /// What could not be, at most 100.
        problems: Vec<Problem>,
    },
    /// It cannot be scanned.
    Unscannable {
        /// Why.
        reason: String,
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
    },
}

/// Filters of GET /images and GET /queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImageQuery {
    /// `queued`, `leased`, `backoff`, `scanned`, `partial` or `unscannable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// A reference's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// At least one finding of at least this severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Run by this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Run by a pod of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Run by a pod of this owner, as `compose/shop/web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What to sort by; `digest` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<ImageSort>,
    /// Ascending or descending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub order: Option<Order>,
    /// Where to start; from the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Page size, 1 to 1,000; 100 if absent.
    #[serde(default, deserialize_with = "crate::page::whole", skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What images may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageSort {
    /// The key.
    Digest,
    /// Number of critical, then high, medium and low findings.
    Severity,
    /// Number of pods.
    Pods,
    /// First seen.
    FirstSeen,
}
