//! Composer versions: four numbers and a stability, ordered as PHP's `version_compare` does.

use crate::digits::{is_number, split_run};
use crate::semver::compare_dotted;
use std::cmp::Ordering;

#[derive(Debug, Clone)]
pub(crate) struct ComposerVersion<'a> {
    numbers: &'a [u8],
    stability: Stability,
    number: &'a [u8],
    is_branch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stability {
    Alpha,
    Beta,
    ReleaseCandidate,
    Stable,
    Patch,
}

impl<'a> ComposerVersion<'a> {
    /// Named branches (`dev-main`) are no versions: they have no order.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii().trim_start_matches(['v', 'V']);
        let text = text.split_once('+').map_or(text, |(version, _build)| version);
        let (text, is_branch) = text.strip_suffix("-dev").map_or((text, false), |rest| (rest, true));
        let (numbers, rest) = split_run(text.as_bytes(), |b| b.is_ascii_digit() || *b == b'.');
        let numbers = numbers.strip_suffix(b".").unwrap_or(numbers);
        let (stability, number) = match rest {
            [] => (Stability::Stable, rest),
            [b'-' | b'_' | b'.' | b'@', rest @ ..] => parse_stability(rest)?,
            _ => parse_stability(rest)?,
        };
        let well_formed = numbers.split(|b| *b == b'.').all(is_number);
        well_formed.then_some(ComposerVersion { numbers, stability, number, is_branch })
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        compare_dotted(self.numbers, other.numbers)
            .then(self.stability.cmp(&other.stability))
            .then_with(|| compare_dotted(self.number, other.number))
            .then(other.is_branch.cmp(&self.is_branch))
    }
}

fn parse_stability(text: &[u8]) -> Option<(Stability, &[u8])> {
    let (name, rest) = split_run(text, u8::is_ascii_alphabetic);
    let stability = match name.to_ascii_lowercase().as_slice() {
        b"alpha" | b"a" => Stability::Alpha,
        b"beta" | b"b" => Stability::Beta,
        b"rc" | b"c" => Stability::ReleaseCandidate,
        b"stable" => Stability::Stable,
        b"patch" | b"pl" | b"p" => Stability::Patch,
        _ => return None,
    };
    let number = match rest {
        [b'.' | b'-', number @ ..] => number,
        number => number,
    };
    let well_formed = number.is_empty() || number.split(|b| *b == b'.').all(is_number);
    well_formed.then_some((stability, number))
}
