//! The advisory set in force.

use api_vocab::{RevisionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which advisories findings come from, and how old they are: beside whatever shows findings or
/// counts them. Points in time, not ages, so that the same answer stays the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdvisorySet {
    /// Its identity: the same advisories have the same id.
    #[schema(value_type = String)]
    pub id: RevisionId,
    /// `builtin`, or where it was imported from.
    pub origin: String,
    /// How many advisories.
    pub advisories: u64,
    /// When the newest of them was modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Timestamp>,
    /// When the set was built.
    #[schema(value_type = String, format = DateTime)]
    pub built_at: Timestamp,
}

/// The advisories in force, told in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revision {
    /// The set.
    #[serde(flatten)]
    pub set: AdvisorySet,
    /// Advisories by ecosystem family.
    pub ecosystems: Vec<EcosystemCount>,
}

/// How many advisories an ecosystem has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EcosystemCount {
    /// The family, as `Debian`.
    pub ecosystem: String,
    /// How many.
    pub advisories: u64,
}
