//! Sources as readers see them.

use crate::page::Order;
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

/// Filters of GET /sources.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SourceQuery {
    /// The kind of platform, as `docker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only those that are believed, or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub health: Option<SourceHealth>,
    /// What to sort by; `id` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<SourceSort>,
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

/// What sources may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceSort {
    /// Kind and name.
    Id,
    /// When their perceivers were last heard.
    LastSeen,
    /// How many pods they have.
    Pods,
}
