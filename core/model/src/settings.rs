//! What an operator may set about the model's decisions.

use std::time::Duration;

/// Durations and limits; [`Settings::default`] holds the documented defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease lasts from its grant or renewal.
    pub lease: Duration,
    /// Failed attempts after which an image is unscannable.
    pub max_attempts: u32,
    /// The wait after the first failed attempt; doubles with each further one.
    pub backoff_first: Duration,
    /// The longest wait between attempts.
    pub backoff_longest: Duration,
    /// How long an image that nothing refers to is kept.
    pub retention: Duration,
    /// After which silence a source is stale.
    pub source_stale: Duration,
    /// After which silence a scanner without leases is forgotten.
    pub scanner_unseen: Duration,
    /// How long an image waits for a scanner of a node that runs it, where none of these nodes has
    /// one, before any that reaches a registry may have it.
    pub node_wait: Duration,
    /// How much waiting time an image gains that the scanner's own node runs or holds.
    pub local_advantage: Duration,
    /// How much waiting time an image gains that some pod runs right now.
    pub running_advantage: Duration,
    /// How much waiting time an image gains whose scan a person asked for.
    pub asked_advantage: Duration,
    /// How far "last seen" may lag behind before it is recorded again.
    pub last_seen_step: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Settings {
            lease: Duration::from_secs(90),
            max_attempts: 5,
            backoff_first: Duration::from_secs(10),
            backoff_longest: minutes(30),
            retention: minutes(24 * 60),
            // A perceiver with nothing to tell sends its full state after five and a half minutes at
            // the latest: it must not look lost meanwhile.
            source_stale: minutes(10),
            scanner_unseen: minutes(2),
            node_wait: minutes(1),
            local_advantage: minutes(30),
            running_advantage: minutes(10),
            asked_advantage: minutes(60),
            last_seen_step: Duration::from_secs(1),
        }
    }
}
