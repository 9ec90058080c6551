//! Events: that a workload's verdict got worse, said rarely. Pure.

use super::stand::Sum;
use crate::record::Controller;
use api_vocab::{Timestamp, Verdict};
use serde_json::{Value, json};
use std::time::Duration;

/// Group and version.
pub const API_VERSION: &str = "events.k8s.io/v1";
/// The kind.
pub const KIND: &str = "Event";
/// Its plural.
pub const PLURAL: &str = "events";
/// How long a workload is not spoken of again.
const REST: Duration = Duration::from_secs(600);
/// What may be said in one [`WINDOW`], of all workloads together.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);
/// The longest name of an event, less what follows it.
const MAX_NAME: usize = 230;

/// What was said of one workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// The verdict that was known last; that it is unknown for a while changes nothing.
    verdict: Option<Verdict>,
    at: Option<Timestamp>,
}

/// What was said of all of them lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Talk {
    since: Option<Timestamp>,
    said: u32,
    /// Events that were not made, so as not to say too much.
    pub hushed: u64,
}

impl Said {
    /// Whether the verdict got worse; not when it is first known.
    pub fn worsens(&mut self, verdict: Verdict) -> bool {
        if verdict == Verdict::Unknown {
            return false;
        }
        self.verdict.replace(verdict).is_some_and(|before| verdict > before)
    }

    /// Whether it may be said now.
    pub fn may_say(&mut self, talk: &mut Talk, now: Timestamp) -> bool {
        if self.at.is_some_and(|at| now < at + REST) || !talk.has_room(now) {
            talk.hushed = talk.hushed.saturating_add(1);
            return false;
        }
        talk.said = talk.said.saturating_add(1);
        self.at = Some(now);
        true
    }
}

impl Talk {
    fn has_room(&mut self, now: Timestamp) -> bool {
        if self.since.is_none_or(|since| now >= since + WINDOW) {
            (self.since, self.said) = (Some(now), 0);
        }
        self.said < MOST
    }
}

/// The event, with its name.
pub fn of(
    workload: &Controller,
    sum: &Sum,
    link: Option<&str>,
    reporter: &str,
    now: Timestamp,
) -> (String, Value) {
    let Controller { api_version, kind, namespace, name, uid } = workload;
    let cut: String = name.chars().take(MAX_NAME).collect();
    let event = format!("{cut}.{:x}", now.as_millis());
    let counts = sum.findings.unwrap_or_default();
    let mut note = format!(
        "The verdict is now {}: {} critical, {} high, {} fixable.",
        sum.verdict, counts.critical, counts.high, counts.fixable
    );
    if let Some(link) = link {
        note.push(' ');
        note.push_str(link);
    }
    let body = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": { "namespace": namespace, "name": event },
        "eventTime": micros(now),
        "reportingController": "perceptor.dev/perceiver",
        "reportingInstance": reporter,
        "action": "Evaluate",
        "reason": "VerdictWorse",
        "type": "Warning",
        "regarding": { "apiVersion": api_version, "kind": kind, "namespace": namespace, "name": name, "uid": uid },
        "note": note.chars().take(1_000).collect::<String>(),
    });
    (event, body)
}

/// As events have it: six digits behind the point.
fn micros(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix('Z').map_or(text.clone(), |text| format!("{text}000Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_is_told_where_it_got_worse_and_was_known_before() {
        use Verdict::{Fail, Pass, Unknown, Warn};
        for (verdicts, told) in [
            (&[Fail][..], 0),
            (&[Unknown, Fail], 0),
            (&[Pass, Warn, Fail], 2),
            (&[Pass, Unknown, Fail], 1),
            (&[Fail, Unknown, Fail], 0),
            (&[Fail, Pass, Fail], 1),
            (&[Pass, Unknown], 0),
        ] {
            let mut said = Said::default();
            let count = verdicts.iter().filter(|verdict| said.worsens(**verdict)).count();
            assert_eq!(count, told, "{verdicts:?}");
        }
    }

    #[test]
    fn little_is_said_of_one_and_not_too_much_of_all() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let (mut talk, mut one) = (Talk::default(), Said::default());
        assert!(one.may_say(&mut talk, at(0)) && !one.may_say(&mut talk, at(599)));
        assert!(one.may_say(&mut talk, at(600)));
        let said = (0..100).filter(|_| Said::default().may_say(&mut talk, at(601))).count();
        assert_eq!((said, talk.hushed), (59, 42));
        assert!(Said::default().may_say(&mut talk, at(661)));
    }

    #[test]
    fn time_of_an_event_has_six_digits() {
        assert_eq!(micros(Timestamp::from_millis(1)), "1970-01-01T00:00:00.001000Z");
    }
}
