//! Points in time, to the millisecond, UTC.

use crate::text::{serde_as_text, shown};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z; RFC 3339 as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A text that is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time: \"{0}\"; expected RFC 3339, as 2026-01-31T12:00:00Z")]
pub struct TimestampError(String);

impl Timestamp {
    /// The point `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds after the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time on this machine's clock; only edges call this, decisions are told the time.
    pub fn now() -> Self {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    /// How long `earlier` was before this; zero if it was not.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| TimestampError(shown(text)))?;
        Ok(Timestamp(parsed.as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

serde_as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_text_round_trips() {
        let time: Timestamp = "2026-11-21T06:00:00.250Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-21T06:00:00.250Z");
        assert_eq!((time + Duration::from_millis(750)).to_string(), "2026-11-21T06:00:01.000Z");
    }

    #[test]
    fn timestamp_since_later_is_zero() {
        let time = Timestamp::from_millis(5);
        assert_eq!(time.since(Timestamp::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn timestamp_malformed_is_refused() {
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}
