//! Scanners: registration, and as readers see them.

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
