//! When a registry may be asked again: what its answers say, and what is remembered of it.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Without a word about time.
const DEFAULT: Duration = Duration::from_secs(60);
/// A window of hours slides: some of it is free again long before its end.
const WINDOW: Duration = Duration::from_secs(900);
const LONGEST: Duration = Duration::from_secs(6 * 3600);
const MAX_HOSTS: usize = 256;

/// How long to leave a registry alone that answered with a limit of rates.
pub(super) fn wait_of(headers: &HeaderMap, now: SystemTime) -> Duration {
    let said = retry_after(headers, now).or_else(|| window_of(headers).map(|window| window.min(WINDOW)));
    said.unwrap_or(DEFAULT).clamp(Duration::from_secs(1), LONGEST)
}

/// What `Retry-After` says: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST))
}

/// Docker Hub: `ratelimit-remaining: 0;w=21600`, the window in seconds.
fn window_of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("ratelimit-remaining")?.to_str().ok()?;
    let (remaining, window) = text.split_once(";w=")?;
    let seconds = window.trim().parse().ok()?;
    (remaining.trim() == "0").then(|| Duration::from_secs(seconds))
}

/// Registries that want to be left alone, and until when.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<HashMap<String, Instant>>);

impl Gates {
    /// How long `host` wants to be left alone from `now`, if it does.
    pub(super) fn closed(&self, host: &str, now: Instant) -> Option<Duration> {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.get(host)?.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Leave `host` alone for `wait` from `now`.
    pub(super) fn close(&self, host: &str, wait: Duration, now: Instant) {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if gates.len() >= MAX_HOSTS {
            gates.retain(|_, until| *until > now);
        }
        if gates.len() < MAX_HOSTS {
            gates.insert(host.to_owned(), now + wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_is_what_the_registry_says_within_bounds() {
        let now = httpdate::parse_http_date("Sat, 21 Nov 2026 12:00:00 GMT").unwrap();
        for (name, value, seconds) in [
            ("retry-after", "30", 30),
            ("retry-after", "0", 1),
            ("retry-after", "99999999999", 21600),
            ("retry-after", "Sat, 21 Nov 2026 12:02:00 GMT", 120),
            ("retry-after", "Sat, 21 Nov 2026 11:00:00 GMT", 1),
            ("retry-after", "soon", 60),
            ("ratelimit-remaining", "0;w=21600", 900),
            ("ratelimit-remaining", "0;w=100", 100),
            ("ratelimit-remaining", "5;w=21600", 60),
            ("x", "y", 60),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(wait_of(&headers, now), Duration::from_secs(seconds), "{name}: {value}");
        }
    }

    #[test]
    fn host_is_left_alone_for_its_time_and_no_other() {
        let (gates, now) = (Gates::default(), Instant::now());
        gates.close("a", Duration::from_secs(10), now);
        assert_eq!(gates.closed("a", now + Duration::from_secs(4)), Some(Duration::from_secs(6)));
        assert_eq!(gates.closed("a", now + Duration::from_secs(10)), None);
        assert_eq!(gates.closed("b", now), None);
    }
}
