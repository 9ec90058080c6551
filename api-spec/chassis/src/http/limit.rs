//! A rate limit per client, in bounded memory.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many clients are remembered before those that behave are forgotten.
const MAX_CLIENTS: usize = 10_000;
/// Forgetting walks over all clients, so it is done once in so many requests.
const FORGET_EVERY: usize = 1_024;

/// How many requests a client may make: so many a second, and a burst.
pub struct RateLimit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    admissions: AtomicUsize,
}

impl std::fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimit").field("clients", &self.limiter.len()).finish_non_exhaustive()
    }
}

impl RateLimit {
    /// `per_second` requests a second and `burst` at once; `None` (no limit) if either is 0.
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        let quota = Quota::per_second(NonZeroU32::new(per_second)?).allow_burst(NonZeroU32::new(burst)?);
        Some(RateLimit {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            admissions: AtomicUsize::new(0),
        })
    }

    /// Whether `client` may make a request now; otherwise how long it should wait.
    pub fn admit(&self, client: IpAddr) -> Result<(), Duration> {
        let clients = self.limiter.len();
        let turn = self.admissions.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY);
        if clients >= MAX_CLIENTS && turn {
            self.limiter.retain_recent();
        }
        if clients >= 2 * MAX_CLIENTS {
            return Err(Duration::from_secs(1));
        }
        self.limiter.check_key(&network(client)).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

/// One IPv6 client has a whole /64 of addresses to come from.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_beyond_its_burst_waits_and_others_do_not() {
        let limit = RateLimit::new(1, 3).unwrap();
        let (one, two) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..3 {
            assert!(limit.admit(one).is_ok());
        }
        assert!(limit.admit(one).unwrap_err() <= Duration::from_secs(1));
        assert!(limit.admit(two).is_ok());
    }

    #[test]
    fn addresses_of_one_v6_network_are_one_client() {
        let limit = RateLimit::new(1, 1).unwrap();
        assert!(limit.admit("2001:db8::1".parse().unwrap()).is_ok());
        assert!(limit.admit("2001:db8::2".parse().unwrap()).is_err());
        assert!(limit.admit("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn many_clients_are_not_all_remembered() {
        let limit = RateLimit::new(1, 1).unwrap();
        for n in 0..3 * u32::try_from(MAX_CLIENTS).unwrap() {
            let _ = limit.admit(IpAddr::V4(n.into()));
        }
        assert!(limit.limiter.len() <= 2 * MAX_CLIENTS);
    }

    #[test]
    fn limit_of_zero_is_none() {
        assert!(RateLimit::new(0, 1).is_none() && RateLimit::new(1, 0).is_none());
    }
}
