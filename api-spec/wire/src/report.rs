//! What a scanner reports at the end of a scan.

use crate::inventory::Inventory;
use crate::lease::ImageIdentity;
use api_vocab::{Digest, ExtractorSet};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// POST /leases/{lease}/report: the image's inventory. Ends the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScanReport {
    /// What the image turned out to be.
    pub identity: ImageIdentity,
    /// Diff-ids, bottom first.
    #[schema(value_type = Vec<String>)]
    pub layers: Vec<Digest>,
    /// What is inside.
    pub inventory: Inventory,
    /// The extractors that were used.
    #[schema(value_type = String)]
    pub extractor_set: ExtractorSet,
    /// The engine that read it, as `native`.
    pub engine: String,
    /// Where the layers came from, as `docker`.
    pub fetched_from: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
