//! Backoff: how long to wait after so many failures, with jitter.

use std::time::Duration;

/// How long to wait after so many failures in a row.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits from `first`, doubling, to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Backoff { first, longest, failures: 0 }
    }

    /// Another failure: how long to wait. `chance` between 0 and 1 takes up to half of it away,
    /// so that many who failed together do not come back together.
    pub fn fail(&mut self, chance: f64) -> Duration {
        let doublings = self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }

    /// It worked: start from the beginning next time.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

impl Default for Backoff {
    /// From half a second to 30 seconds.
    fn default() -> Self {
        Backoff::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<u64> = (0..4).map(|_| backoff.fail(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5]);
        for _ in 0..100 {
            assert_eq!(backoff.fail(1.0), Duration::from_millis(2_500));
        }
        backoff.succeed();
        assert_eq!(backoff.fail(0.5), Duration::from_millis(750));
    }
}
