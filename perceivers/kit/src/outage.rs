//! Outages: said once when they begin, said once when they are over.

use api_vocab::Timestamp;
use std::time::Duration;

/// Whether something that ought to answer does not, since when, and what was said about it.
#[derive(Debug, Clone, Default)]
pub struct Outage(Option<(Timestamp, String)>);

impl Outage {
    /// It does not answer, for `reason`; true if that is news.
    pub fn begin(&mut self, now: Timestamp, reason: &str) -> bool {
        match &mut self.0 {
            Some((_, said)) if said == reason => false,
            Some((_, said)) => {
                *said = reason.to_owned();
                true
            }
            None => {
                self.0 = Some((now, reason.to_owned()));
                true
            }
        }
    }

    /// It answers; how long it did not, if it did not.
    pub fn end(&mut self, now: Timestamp) -> Option<Duration> {
        self.0.take().map(|(since, _)| now.since(since))
    }

    /// Whether it lasts.
    pub fn lasts(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_news_once_per_reason_and_once_when_over() {
        let at = Timestamp::from_millis;
        let mut outage = Outage::default();
        assert!(outage.begin(at(0), "refused"));
        assert!(!outage.begin(at(1_000), "refused"));
        assert!(outage.begin(at(2_000), "timed out"));
        assert_eq!(outage.end(at(5_000)), Some(Duration::from_secs(5)));
        assert_eq!(outage.end(at(6_000)), None);
    }
}
