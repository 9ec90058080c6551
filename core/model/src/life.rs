//! The states of an image: for each, one function that says where it goes from there.
//!
//! Pure: a state and what happens to it in, the next state or a refusal out. A state that does not
//! know what happens to it refuses; silence is not an answer.

use crate::misses::{is_final, reasons};
use crate::{Failure, FailureKind, Miss, Settings, State};
use api_vocab::{Digest, LeaseId, ScannerName, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// What can happen to an image's state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happening {
    /// A scanner asks and gets it.
    Granted { lease: LeaseId, scanner: ScannerName },
    /// The scanner renews.
    Renewed,
    /// The scanner reports an inventory.
    Reported,
    /// The scanner reports a failure.
    Failed(Failure),
    /// The scanner does not have it within its reach.
    Missed {
        /// That it does not.
        miss: Miss,
        /// How long another attempt is no use.
        retry_after: Option<Duration>,
        /// Whether anybody else may have it.
        anybody_left: bool,
    },
    /// The sweeper looks.
    Swept,
    /// A person asks for a scan.
    Asked,
    /// Other extractors are wanted.
    Outdated,
    /// A source or reference appeared that is new to the image.
    NewPlace,
}

/// Why a state does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmoved {
    /// The image waits already.
    Queued,
    /// The image is being scanned.
    Leased,
    /// There is no lease to speak of.
    NotLeased,
    /// The lease's time is over.
    Expired,
    /// It is of no consequence for this state.
    Indifferent,
}

/// Everything a state is judged by besides itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) key: &'a Digest,
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
}

/// Where `state` goes when `happening` happens.
pub(crate) fn next(
    state: &State,
    happening: &Happening,
    circumstances: Circumstances<'_>,
) -> Result<State, Unmoved> {
    match state {
        State::Queued { since, failed, asked, missed } => {
            queued((*since, *failed, *asked), missed, happening, circumstances)
        }
        State::Leased { lease, scanner, until, attempt, missed } => {
            leased((*lease, scanner), (*until, *attempt), missed, happening, circumstances)
        }
        State::Backoff { until, failed, .. } => backoff(*until, *failed, happening, circumstances),
        State::Scanned => scanned(happening, circumstances),
        State::Unscannable { .. } => unscannable(happening, circumstances),
    }
}

fn queued(
    (since, failed, asked): (Timestamp, u32, bool),
    missed: &[Miss],
    happening: &Happening,
    at: Circumstances<'_>,
) -> Result<State, Unmoved> {
    match happening {
        Happening::Granted { lease, scanner } => Ok(State::Leased {
            lease: *lease,
            scanner: scanner.clone(),
            until: at.now + at.settings.lease,
            attempt: failed + 1,
            missed: missed.to_vec(),
        }),
        Happening::Asked if !asked => {
            Ok(State::Queued { since, failed, asked: true, missed: missed.to_vec() })
        }
        Happening::Asked => Err(Unmoved::Queued),
        Happening::Renewed | Happening::Reported | Happening::Failed(_) | Happening::Missed { .. } => {
            Err(Unmoved::NotLeased)
        }
        Happening::Swept | Happening::Outdated | Happening::NewPlace => Err(Unmoved::Indifferent),
    }
}

fn leased(
    (lease, scanner): (LeaseId, &ScannerName),
    (until, attempt): (Timestamp, u32),
    missed: &[Miss],
    happening: &Happening,
    at: Circumstances<'_>,
) -> Result<State, Unmoved> {
    let expired = at.now >= until;
    match happening {
        Happening::Renewed | Happening::Reported | Happening::Failed(_) | Happening::Missed { .. }
            if expired =>
        {
            Err(Unmoved::Expired)
        }
        Happening::Renewed => {
            let until = until.max(at.now + at.settings.lease);
            Ok(State::Leased { lease, scanner: scanner.clone(), until, attempt, missed: missed.to_vec() })
        }
        Happening::Reported => Ok(State::Scanned),
        Happening::Failed(Failure { kind: FailureKind::Permanent, reason, .. }) => {
            Ok(State::Unscannable { since: at.now, reason: Arc::clone(reason) })
        }
        Happening::Failed(Failure { kind: FailureKind::Transient, reason, retry_after, .. }) => {
            Ok(after_attempt(attempt, Arc::clone(reason), retry_after.unwrap_or_default(), at))
        }
        Happening::Missed { miss, retry_after, anybody_left } => {
            let missed: Vec<Miss> = missed.iter().chain([miss]).cloned().collect();
            Ok(match anybody_left {
                true => {
                    State::Queued { since: at.now, failed: attempt.saturating_sub(1), asked: false, missed }
                }
                false => after_misses(attempt, &missed, retry_after.unwrap_or_default(), at),
            })
        }
        Happening::Swept if expired => {
            let reason = format!("lease of scanner {scanner} expired").into();
            Ok(after_attempt(attempt, reason, Duration::ZERO, at))
        }
        Happening::Granted { .. } | Happening::Asked => Err(Unmoved::Leased),
        Happening::Swept | Happening::Outdated | Happening::NewPlace => Err(Unmoved::Indifferent),
    }
}

fn backoff(
    until: Timestamp,
    failed: u32,
    happening: &Happening,
    at: Circumstances<'_>,
) -> Result<State, Unmoved> {
    match happening {
        Happening::Swept if at.now >= until => Ok(anew(failed, false, at)),
        Happening::Asked => Ok(anew(0, true, at)),
        Happening::Renewed | Happening::Reported | Happening::Failed(_) | Happening::Missed { .. } => {
            Err(Unmoved::NotLeased)
        }
        Happening::Granted { .. } | Happening::Swept | Happening::Outdated | Happening::NewPlace => {
            Err(Unmoved::Indifferent)
        }
    }
}

fn scanned(happening: &Happening, at: Circumstances<'_>) -> Result<State, Unmoved> {
    match happening {
        Happening::Asked => Ok(anew(0, true, at)),
        Happening::Outdated => Ok(anew(0, false, at)),
        Happening::Renewed | Happening::Reported | Happening::Failed(_) | Happening::Missed { .. } => {
            Err(Unmoved::NotLeased)
        }
        Happening::Granted { .. } | Happening::Swept | Happening::NewPlace => Err(Unmoved::Indifferent),
    }
}

fn unscannable(happening: &Happening, at: Circumstances<'_>) -> Result<State, Unmoved> {
    match happening {
        Happening::Asked => Ok(anew(0, true, at)),
        Happening::NewPlace => Ok(anew(0, false, at)),
        Happening::Renewed | Happening::Reported | Happening::Failed(_) | Happening::Missed { .. } => {
            Err(Unmoved::NotLeased)
        }
        Happening::Granted { .. } | Happening::Swept | Happening::Outdated => Err(Unmoved::Indifferent),
    }
}

/// Wait for a scanner, whoever was asked before.
fn anew(failed: u32, asked: bool, at: Circumstances<'_>) -> State {
    State::Queued { since: at.now, failed, asked, missed: Vec::new() }
}

/// Nobody has it who could be asked: that was an attempt.
fn after_misses(attempt: u32, missed: &[Miss], least: Duration, at: Circumstances<'_>) -> State {
    let reason = reasons(missed);
    if is_final(missed) {
        return State::Unscannable { since: at.now, reason };
    }
    after_attempt(attempt, reason, least, at)
}

/// An attempt failed: wait for the next, or give up.
fn after_attempt(attempt: u32, reason: Arc<str>, least: Duration, at: Circumstances<'_>) -> State {
    if attempt >= at.settings.max_attempts {
        let reason = format!("{attempt} attempts failed; the last: {reason}").into();
        return State::Unscannable { since: at.now, reason };
    }
    let least = least.min(at.settings.backoff_longest);
    State::Backoff { until: at.now + wait(attempt, at).max(least), failed: attempt, reason }
}

/// Exponential, and between half and all of it, so that images that failed together do not come
/// back together.
fn wait(attempt: u32, at: Circumstances<'_>) -> Duration {
    let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
    let longest = at.settings.backoff_first.saturating_mul(doubled).min(at.settings.backoff_longest);
    let share = jitter(at.key, attempt);
    longest.mul_f64(0.5 + share / 2.0)
}

/// A number from 0 to 1 that depends on nothing but the image and the attempt.
fn jitter(key: &Digest, attempt: u32) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.as_bytes().iter().copied().chain(attempt.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    f64::from(u32::try_from(hash >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
