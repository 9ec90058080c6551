//! Semantic versions (semver.org 2.0.0), read as loosely as feeds write them.
//!
//! Beyond the specification: any number of numeric parts (missing ones are zero), a leading `v` or
//! `=`, a pre-release without its hyphen (`1.2.3rc1`).

use crate::digits::{compare_numbers, is_number, split_run};
use std::borrow::Cow;
use std::cmp::Ordering;

#[derive(Debug, Clone)]
pub(crate) struct SemverVersion<'a> {
    numbers: &'a [u8],
    pre_release: Cow<'a, [u8]>,
}

impl<'a> SemverVersion<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii().trim_start_matches(['v', 'V', '=', ' ']);
        let text = text.split_once('+').map_or(text, |(version, _build)| version);
        let (numbers, rest) = split_run(text.as_bytes(), |b| b.is_ascii_digit() || *b == b'.');
        let pre_release = match rest {
            [] => rest,
            [b'-', pre_release @ ..] => pre_release,
            [b'a'..=b'z' | b'A'..=b'Z', ..] => rest,
            _ => return None,
        };
        let well_formed = numbers.split(|b| *b == b'.').all(is_number)
            && pre_release.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b));
        well_formed.then_some(SemverVersion { numbers, pre_release: pre_release.into() })
    }

    pub(crate) fn with_pre_release(self, pre_release: Cow<'a, [u8]>) -> Self {
        SemverVersion { pre_release, ..self }
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.compare_by(other, <[u8]>::cmp)
    }

    /// As NuGet does, which takes upper and lower case for the same.
    pub(crate) fn compare_caseless(&self, other: &Self) -> Ordering {
        let lower = |bytes: &[u8]| bytes.to_ascii_lowercase();
        self.compare_by(other, |a, b| lower(a).cmp(&lower(b)))
    }

    fn compare_by(&self, other: &Self, words: impl Fn(&[u8], &[u8]) -> Ordering) -> Ordering {
        compare_dotted(self.numbers, other.numbers).then_with(|| {
            match (self.pre_release.is_empty(), other.pre_release.is_empty()) {
                (false, false) => compare_pre_release(&self.pre_release, &other.pre_release, words),
                // Without a pre-release is later.
                (a, b) => a.cmp(&b),
            }
        })
    }
}

/// Numbers between dots; missing ones are zero.
pub(crate) fn compare_dotted(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (a.split(|c| *c == b'.'), b.split(|c| *c == b'.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) => compare_numbers(x.unwrap_or_default(), y.unwrap_or_default()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers before words, fewer before more.
fn compare_pre_release(a: &[u8], b: &[u8], words: impl Fn(&[u8], &[u8]) -> Ordering) -> Ordering {
    let (mut a, mut b) = (a.split(|c| *c == b'.'), b.split(|c| *c == b'.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(x), Some(y)) => match (is_number(x), is_number(y)) {
                (true, true) => compare_numbers(x, y),
                (false, false) => words(x, y),
                (x_is_number, y_is_number) => y_is_number.cmp(&x_is_number),
            },
            (x, y) => x.is_some().cmp(&y.is_some()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
