//! The table: every state × everything that can happen to it.

use super::world::*;
use crate::life::{Circumstances, Happening, Unmoved, next};
use crate::*;
use api_vocab::*;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn states() -> Vec<(&'static str, State)> {
    let lease = LeaseId::from_bits(1);
    let held = |until, attempt| State::Leased { lease, scanner: scanner(1), until, attempt, missed: vec![] };
    let leased = |until| held(until, 1);
    let last = held(NOW + Duration::from_secs(1), 5);
    let backoff = |until| State::Backoff { until, failed: 1, reason: "x".into() };
    vec![
        ("queued", State::Queued { since: NOW, failed: 1, asked: false, missed: vec![] }),
        ("leased", leased(NOW + Duration::from_secs(1))),
        ("leased, last attempt", last),
        ("leased, expired", leased(NOW)),
        ("backoff", backoff(NOW + Duration::from_secs(1))),
        ("backoff, due", backoff(NOW)),
        ("scanned", State::Scanned),
        ("unscannable", State::Unscannable { since: NOW, reason: "x".into() }),
    ]
}

fn missed(kind: FailureKind, anybody_left: bool) -> Happening {
    let miss = Miss { scanner: scanner(1), is_of_node: false, kind, reason: "not here".into() };
    Happening::Missed { miss, retry_after: None, anybody_left }
}

fn happenings() -> Vec<Happening> {
    vec![
        Happening::Granted { lease: LeaseId::from_bits(2), scanner: scanner(2) },
        Happening::Renewed,
        Happening::Reported,
        Happening::Failed(transient("slow")),
        Happening::Failed(Failure { kind: FailureKind::Permanent, ..transient("none") }),
        Happening::Swept,
        Happening::Asked,
        Happening::Outdated,
        Happening::NewPlace,
        missed(FailureKind::Permanent, true),
        missed(FailureKind::Transient, false),
        missed(FailureKind::Permanent, false),
    ]
}

fn word(state: Result<State, Unmoved>) -> &'static str {
    match state {
        Ok(State::Queued { .. }) => "queued",
        Ok(State::Leased { .. }) => "leased",
        Ok(State::Backoff { .. }) => "backoff",
        Ok(State::Scanned) => "scanned",
        Ok(State::Unscannable { .. }) => "unscannable",
        Err(Unmoved::Queued) => "refused: queued",
        Err(Unmoved::Leased) => "refused: leased",
        Err(Unmoved::NotLeased) => "refused: no lease",
        Err(Unmoved::Expired) => "refused: expired",
        Err(Unmoved::Indifferent) => "-",
    }
}

#[test]
fn state_whatever_happens_goes_where_the_table_says() {
    let no = "refused: no lease";
    let late = "refused: expired";
    let held = "refused: leased";
    #[rustfmt::skip]
    let table: [[&str; 12]; 8] = [
        // granted, renewed, reported, failed, failed for good, swept, asked, outdated, new place,
        // missed with others left, with none left, with none left for good
        ["leased", no, no, no, no, "-", "queued", "-", "-", no, no, no],
        [held, "leased", "scanned", "backoff", "unscannable", "-", held, "-", "-", "queued", "backoff", "unscannable"],
        [held, "leased", "scanned", "unscannable", "unscannable", "-", held, "-", "-", "queued", "unscannable", "unscannable"],
        [held, late, late, late, late, "backoff", held, "-", "-", late, late, late],
        ["-", no, no, no, no, "-", "queued", "-", "-", no, no, no],
        ["-", no, no, no, no, "queued", "queued", "-", "-", no, no, no],
        ["-", no, no, no, no, "-", "queued", "queued", "-", no, no, no],
        ["-", no, no, no, no, "-", "queued", "-", "queued", no, no, no],
    ];
    let settings = Settings::default();
    let key = digest(1);
    for ((name, state), row) in states().into_iter().zip(table) {
        for (happening, expected) in happenings().into_iter().zip(row) {
            let at = Circumstances { key: &key, now: NOW, settings: &settings };
            let found = word(next(&state, &happening, at));
            assert_eq!(found, expected, "{name} × {happening:?}");
        }
    }
}

#[test]
fn queued_asked_twice_is_refused() {
    let settings = Settings::default();
    let key = digest(1);
    let at = Circumstances { key: &key, now: NOW, settings: &settings };
    let asked = State::Queued { since: NOW, failed: 0, asked: true, missed: vec![] };
    assert_eq!(next(&asked, &Happening::Asked, at), Err(Unmoved::Queued));
}

fn backoff_after(n: u8, attempt: u32) -> Duration {
    let settings = Settings { max_attempts: 100, ..Settings::default() };
    let key = digest(n);
    let at = Circumstances { key: &key, now: NOW, settings: &settings };
    let until = NOW + Duration::from_secs(9);
    let lease = LeaseId::from_bits(1);
    let leased = State::Leased { lease, scanner: scanner(1), until, attempt, missed: vec![] };
    match next(&leased, &Happening::Failed(transient("x")), at) {
        Ok(State::Backoff { until, .. }) => until.since(NOW),
        other => panic!("{other:?}"),
    }
}

#[test]
fn backoff_grows_within_bounds_and_differs_between_images() {
    let settings = Settings::default();
    for attempt in 1..40 {
        let full = settings.backoff_first.saturating_mul(2_u32.saturating_pow(attempt - 1));
        let full = full.min(settings.backoff_longest);
        let wait = backoff_after(1, attempt);
        assert!(wait <= full && wait + Duration::from_millis(1) >= full / 2, "{attempt}: {wait:?}");
    }
    assert_ne!(backoff_after(1, 1), backoff_after(2, 1));
    assert_eq!(backoff_after(1, 1), backoff_after(1, 1));
}
