//! How a perceiver tells the core.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a perceiver tells the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SendSettings {
    /// How often the full state is sent, whatever happened; a tenth earlier or later.
    pub full_state_seconds: u64,
    /// How long a change may wait for others to travel with, in milliseconds.
    pub max_delay_ms: u64,
    /// How many changes travel together; at most 10,000.
    pub max_batch: usize,
}

impl Default for SendSettings {
    fn default() -> Self {
        SendSettings { full_state_seconds: 300, max_delay_ms: 250, max_batch: 1_000 }
    }
}

impl SendSettings {
    pub(crate) fn full_state(&self) -> Duration {
        Duration::from_secs(self.full_state_seconds.max(1))
    }

    pub(crate) fn max_delay(&self) -> Duration {
        Duration::from_millis(self.max_delay_ms)
    }

    pub(crate) fn max_batch(&self) -> usize {
        self.max_batch.clamp(1, 10_000)
    }
}
