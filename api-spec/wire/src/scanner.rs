//! Scanners: registration, and as readers see them.

use crate::page::Order;
use api_vocab::{ExtractorSet, Platform, ScannerName, SourceId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// PUT /scanners/{name}: who asks for work. Repeated at every start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScannerRegistration {
    /// The program's version.
    pub version: String,
    /// What its extractors are: layers of another set are extracted again.
    #[schema(value_type = String)]
    pub extractor_set: ExtractorSet,
    /// The node whose store it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The sources whose images its fetcher reaches; empty: any image's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub sources: Vec<SourceId>,
    /// The platforms it reads; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub platforms: Vec<Platform>,
    /// How many leases it may hold at once; 1 to 64.
    pub max_leases: u32,
    /// Whether its fetcher reaches registries: if so, images come to it that no node's scanner
    /// takes; if not, only those that its node holds or runs. Absent: any image of its sources
    /// comes to it at once, as where its fetcher reads the store of a whole source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<bool>,
}

/// A scanner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scanner {
    /// Its name.
    #[schema(value_type = String)]
    pub name: ScannerName,
    /// What it said of itself.
    #[serde(flatten)]
    pub registration: ScannerRegistration,
    /// When it was last heard.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// How many leases it holds.
    pub leases: u32,
}

/// Filters of GET /scanners.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScannerQuery {
    /// The node whose store it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What to sort by; `name` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<ScannerSort>,
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

/// What scanners may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScannerSort {
    /// The name.
    Name,
    /// When they were last heard.
    LastSeen,
}
