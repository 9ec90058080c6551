//! Sources as the core knows them.

use api_vocab::{SourceId, Timestamp};

/// A cluster, engine or host that is perceived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// When its perceiver was last heard; lags by at most [`crate::Settings::last_seen_step`].
    pub last_seen: Timestamp,
    /// When it last sent its full state.
    pub last_full_state: Option<Timestamp>,
    /// Whether its pods are believed.
    pub health: SourceHealth,
}

/// Whether a source's perceiver is heard often enough for its pods to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceHealth {
    /// Heard lately.
    Fresh,
    /// Not heard for longer than [`crate::Settings::source_stale`].
    Stale,
}

impl SourceHealth {
    /// The word on the wire, in logs and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            SourceHealth::Fresh => "fresh",
            SourceHealth::Stale => "stale",
        }
    }
}
