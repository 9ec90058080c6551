//! The fleet in numbers.

use crate::revision::Revision;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Findings by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SeverityCounts {
    /// Critical.
    pub critical: u64,
    /// High.
    pub high: u64,
    /// Medium.
    pub medium: u64,
    /// Low.
    pub low: u64,
    /// Negligible.
    pub negligible: u64,
    /// Unknown.
    pub unknown: u64,
    /// Those that have a fix.
    pub fixable: u64,
    /// Not among the others: advisories that name a package and could not be compared with its
    /// version. While there are any, no findings does not mean none.
    #[serde(default)]
    pub undecided: u64,
}

/// GET /summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// How many sources.
    pub sources: u64,
    /// How many pods.
    pub pods: u64,
    /// How many containers have no image yet.
    pub unresolved_containers: u64,
    /// Images by state.
    pub images: ImageCounts,
    /// How many different packages.
    pub packages: u64,
    /// Findings of all images together.
    pub findings: SeverityCounts,
    /// How many scanners were heard lately.
    pub scanners: u64,
    /// The advisory set in force.
    pub advisories: Revision,
}

/// Images by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ImageCounts {
    /// All.
    pub total: u64,
    /// Wait for a scanner.
    pub queued: u64,
    /// Are being scanned.
    pub leased: u64,
    /// Wait for another attempt.
    pub backoff: u64,
    /// Scanned, all read.
    pub complete: u64,
    /// Scanned, something could not be read.
    pub partial: u64,
    /// Cannot be scanned.
    pub unscannable: u64,
}
