//! How long to wait before trying again.

use std::time::Duration;

/// How patient a scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The first wait after a failure, before jitter; each next one is twice as long.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How often fetching is tried under one lease.
    pub fetch_attempts: u32,
    /// How often the core is asked about layers that another scanner has in hand.
    pub busy_rounds: u32,
    /// How long to wait between those questions, before jitter.
    pub busy_wait: Duration,
    /// How long to wait before looking again whether the node is still under pressure.
    pub pressure_wait: Duration,
    /// How long the core may hold a question for work.
    pub lease_wait_seconds: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            fetch_attempts: 4,
            busy_rounds: 10,
            busy_wait: Duration::from_secs(2),
            pressure_wait: Duration::from_secs(5),
            lease_wait_seconds: 20,
        }
    }
}

impl Patience {
    /// The wait after the `nth` failure in a row, from 0.
    pub(crate) fn after_failure(&self, nth: u32) -> Duration {
        jittered(self.first.saturating_mul(1 << nth.min(16)).min(self.longest))
    }

    /// The wait before asking about busy layers again.
    pub(crate) fn while_busy(&self) -> Duration {
        jittered(self.busy_wait)
    }
}

/// Between half and all of it, so that scanners that failed together do not return together.
pub(crate) fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_grows_and_ends_at_the_longest() {
        let patience = Patience::default();
        assert!(patience.after_failure(0) <= patience.first);
        let late = patience.after_failure(99);
        assert!(late <= patience.longest && late >= patience.longest / 2);
    }
}
