//! RPM versions (`epoch:version-release`), as `rpmvercmp` orders them, `~` and `^` included.

use crate::digits::{compare_numbers, is_number, split_run};
use std::cmp::Ordering;

#[derive(Debug, Clone, Copy)]
pub(crate) struct RpmVersion<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

impl<'a> RpmVersion<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        let (epoch, rest) = match text.split_once(':') {
            Some(("" | "(none)", rest)) => ("0", rest),
            Some(split) => split,
            None => ("0", text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release.as_bytes())),
            None => (rest, None),
        };
        let well_formed = is_number(epoch.as_bytes()) && !version.is_empty();
        well_formed.then_some(RpmVersion { epoch: epoch.as_bytes(), version: version.as_bytes(), release })
    }

    /// A missing release comes before every release, as in rpm itself.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        compare_numbers(self.epoch, other.epoch)
            .then_with(|| compare_label(self.version, other.version))
            .then_with(|| match (self.release, other.release) {
                (Some(a), Some(b)) => compare_label(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
    }
}

/// Segments of letters or digits; anything else only separates them.
fn compare_label(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        a = split_run(a, is_separator).1;
        b = split_run(b, is_separator).1;
        let order = rank(a.first()).cmp(&rank(b.first()));
        if order != Ordering::Equal {
            return order;
        }
        let (segment_a, segment_b);
        (segment_a, a) = split_segment(a);
        (segment_b, b) = split_segment(b);
        let order = match segment_a.first() {
            None => return Ordering::Equal,
            Some(digit) if digit.is_ascii_digit() => compare_numbers(segment_a, segment_b),
            Some(_) => segment_a.cmp(segment_b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn is_separator(byte: &u8) -> bool {
    !byte.is_ascii_alphanumeric() && !matches!(byte, b'~' | b'^')
}

/// What the next segment is weighs more than what it says.
fn rank(first: Option<&u8>) -> u8 {
    match first {
        Some(b'~') => 0,
        None => 1,
        Some(b'^') => 2,
        Some(byte) if byte.is_ascii_digit() => 4,
        Some(_) => 3,
    }
}

fn split_segment(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.first() {
        None => (bytes, bytes),
        Some(b'~' | b'^') => bytes.split_at(1),
        Some(byte) if byte.is_ascii_digit() => split_run(bytes, u8::is_ascii_digit),
        Some(_) => split_run(bytes, u8::is_ascii_alphabetic),
    }
}
