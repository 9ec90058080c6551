//! Runs of bytes and numbers of any length, compared without converting them.

use std::cmp::Ordering;

/// Split off the longest front whose bytes all fit.
pub(crate) fn split_run(bytes: &[u8], fits: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|b| !fits(b)).unwrap_or(bytes.len());
    bytes.split_at(end)
}

/// Compare runs of decimal digits by value; an empty run is zero.
pub(crate) fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (significant(a), significant(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether a run of digits has the value zero.
pub(crate) fn is_zero(digits: &[u8]) -> bool {
    significant(digits).is_empty()
}

/// Whether there is at least one byte and all are digits.
pub(crate) fn is_number(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

fn significant(digits: &[u8]) -> &[u8] {
    split_run(digits, |b| *b == b'0').1
}
