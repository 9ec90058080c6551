//! Outages: said once when they begin, said once when they are over.

use api_vocab::Timestamp;
use std::time::Duration;

/// Whether something that ought to answer does not, since when, and of which kind that is.
#[derive(Debug, Clone, Default)]
pub struct Outage(Option<(Timestamp, &'static str)>);

impl Outage {
    /// It does not answer, in the way that `kind` names; true if that is news. The words of each
    /// attempt may differ: only a kind that asks for something else of people is worth a line.
    pub fn begin(&mut self, now: Timestamp, kind: &'static str) -> bool {
        let since = self.0.map_or(now, |(since, _)| since);
        let before = self.0.replace((since, kind));
        before.is_none_or(|(_, said)| said != kind)
    }

    /// It answers; how long it did not, if it did not.
    pub fn end(&mut self, now: Timestamp) -> Option<Duration> {
        self.0.take().map(|(since, _)| now.since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_news_once_per_kind_and_once_when_over() {
        let at = Timestamp::from_millis;
        let mut outage = Outage::default();
        assert!(outage.begin(at(0), "refused"));
        assert!(!outage.begin(at(1_000), "refused"));
        assert!(outage.begin(at(2_000), "away"));
        assert_eq!(outage.end(at(5_000)), Some(Duration::from_secs(5)));
        assert_eq!(outage.end(at(6_000)), None);
    }
}
