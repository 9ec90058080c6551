//! Sources as readers see them.

use api_vocab::{SourceId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A cluster, engine or host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// `kind/name`.
    #[schema(value_type = String)]
    pub id: SourceId,
    /// When its perceiver was last heard.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// When it last sent its full state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_full_state: Option<Timestamp>,
    /// Whether its perceiver is heard often enough for its pods to be believed.
    pub health: SourceHealth,
    /// How many pods it has.
    pub pods: u64,
}

/// Whether a source is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceHealth {
    /// Heard lately.
    Fresh,
    /// Not heard for longer than the configured time: its pods may be wrong.
    Stale,
}
