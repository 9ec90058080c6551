//! The decision: take, renew, wait or give up, by what was last seen of the lease. Pure.
//!
//! Times are of this process's monotonic clock: what another process wrote as the time of its
//! renewal is compared with nothing, only whether it changed.

use std::time::{Duration, Instant};

/// A lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Who holds it; empty: nobody.
    pub holder: String,
    /// Changes with each renewal.
    pub renewal: String,
    /// How long it lasts, as its holder says.
    pub lasts: Duration,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nobody holds it, or its holder has let it lapse: take it.
    Take,
    /// It is ours: renew it.
    Renew,
    /// Another holds it: look again later.
    Wait,
    /// It was ours, and is no more: stop at once.
    Lost,
}

/// What one candidate knows of the lease.
#[derive(Debug, Clone)]
pub struct Election {
    identity: String,
    deadline: Duration,
    seen: Option<(Seen, Instant)>,
    renewed: Option<Instant>,
}

impl Election {
    /// The candidate `identity`, which gives up if it could not renew for `deadline`.
    pub fn new(identity: &str, deadline: Duration) -> Self {
        Election { identity: identity.to_owned(), deadline, seen: None, renewed: None }
    }

    /// Whether it may act as the leader.
    pub fn leads(&self, now: Instant) -> bool {
        self.renewed.is_some_and(|renewed| now.saturating_duration_since(renewed) < self.deadline)
    }

    /// When it may act no more, unless it renews before.
    pub fn leads_until(&self) -> Option<Instant> {
        self.renewed.map(|renewed| renewed + self.deadline)
    }

    /// The lease was read, or there is none: what to do?
    pub fn observe(&mut self, seen: Option<Seen>, now: Instant) -> Step {
        let Some(seen) = seen else { return self.free(now) };
        let since = match &self.seen {
            Some((known, since)) if *known == seen => *since,
            _ => now,
        };
        let lapsed = now.saturating_duration_since(since) >= seen.lasts;
        let (ours, nobodys) = (seen.holder == self.identity, seen.holder.is_empty());
        self.seen = Some((seen, since));
        if ours {
            // Ours from before a restart, or ours still.
            return if self.renewed.is_some() && !self.leads(now) { self.lose() } else { Step::Renew };
        }
        if self.renewed.is_some() {
            return self.lose();
        }
        if nobodys || lapsed { Step::Take } else { Step::Wait }
    }

    /// Neither read nor written: what to do?
    pub fn fail(&mut self, now: Instant) -> Step {
        if self.renewed.is_some() && !self.leads(now) { self.lose() } else { Step::Wait }
    }

    /// The write that began at `began` was taken: the time counts from before it.
    pub fn succeed(&mut self, began: Instant) {
        self.renewed = Some(began);
    }

    fn free(&mut self, now: Instant) -> Step {
        self.seen = None;
        if self.renewed.is_some() && !self.leads(now) { self.lose() } else { Step::Take }
    }

    fn lose(&mut self) -> Step {
        self.renewed = None;
        Step::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(15);
    const DEADLINE: Duration = Duration::from_secs(10);

    fn seen(holder: &str, renewal: u32) -> Option<Seen> {
        Some(Seen { holder: holder.into(), renewal: renewal.to_string(), lasts: LASTS })
    }

    enum Does {
        Sees(Option<Seen>),
        Fails,
        Writes,
    }
    use Does::{Fails, Sees, Writes};

    /// Steps of one candidate, `me`, at seconds from the start.
    fn check(name: &str, script: Vec<(u64, Does, Option<Step>)>) {
        let (mut election, start) = (Election::new("me", DEADLINE), Instant::now());
        for (second, does, expected) in script {
            let now = start + Duration::from_secs(second);
            let step = match does {
                Sees(seen) => Some(election.observe(seen, now)),
                Fails => Some(election.fail(now)),
                Writes => {
                    election.succeed(now);
                    None
                }
            };
            assert_eq!(step, expected, "{name}, second {second}");
            assert!(step != Some(Step::Lost) || !election.leads(now), "{name}");
        }
    }

    #[test]
    fn candidate_does_what_the_lease_allows() {
        let (take, renew, wait, lost) =
            (Some(Step::Take), Some(Step::Renew), Some(Step::Wait), Some(Step::Lost));
        check("absent", vec![(0, Sees(None), take), (0, Writes, None), (2, Sees(seen("me", 1)), renew)]);
        check("released", vec![(0, Sees(seen("", 1)), take)]);
        check("held", vec![(0, Sees(seen("other", 1)), wait), (2, Sees(seen("other", 2)), wait)]);
        check(
            "lapsed by our own clock",
            vec![
                (0, Sees(seen("other", 1)), wait),
                (14, Sees(seen("other", 1)), wait),
                (15, Sees(seen("other", 1)), take),
            ],
        );
        check(
            "renewed just before it lapses",
            vec![
                (0, Sees(seen("other", 1)), wait),
                (14, Sees(seen("other", 2)), wait),
                (28, Sees(seen("other", 2)), wait),
                (29, Sees(seen("other", 2)), take),
            ],
        );
        check("ours before a restart", vec![(0, Sees(seen("me", 1)), renew)]);
        check(
            "taken over",
            vec![(0, Sees(None), take), (0, Writes, None), (3, Sees(seen("other", 2)), lost)],
        );
        check(
            "cut off",
            vec![
                (0, Sees(None), take),
                (0, Writes, None),
                (5, Fails, wait),
                (9, Fails, wait),
                (10, Fails, lost),
                (12, Fails, wait),
            ],
        );
        check(
            "cut off and back too late",
            vec![(0, Sees(None), take), (0, Writes, None), (11, Sees(seen("me", 1)), lost)],
        );
        check(
            "cut off and back while the lease is still ours",
            vec![
                (0, Sees(None), take),
                (0, Writes, None),
                (10, Fails, lost),
                (12, Sees(seen("me", 1)), renew),
                (12, Writes, None),
                (14, Sees(seen("me", 2)), renew),
            ],
        );
        check(
            "cut off and back when another has it",
            vec![
                (0, Sees(None), take),
                (0, Writes, None),
                (10, Fails, lost),
                (16, Sees(seen("other", 2)), wait),
                (18, Sees(seen("other", 3)), wait),
            ],
        );
        check("deleted while ours", vec![(0, Sees(None), take), (0, Writes, None), (3, Sees(None), take)]);
    }

    #[test]
    fn leadership_ends_by_the_clock_even_if_nothing_is_heard() {
        let (mut election, now) = (Election::new("me", DEADLINE), Instant::now());
        assert!(!election.leads(now));
        election.succeed(now);
        assert!(election.leads(now + DEADLINE - Duration::from_millis(1)));
        assert!(!election.leads(now + DEADLINE));
        assert_eq!(election.leads_until(), Some(now + DEADLINE));
    }
}
