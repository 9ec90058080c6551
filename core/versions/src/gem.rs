//! RubyGems versions, as `Gem::Version` orders them.

use crate::digits::{compare_numbers, is_zero, split_run};
use std::cmp::Ordering;

/// Segments without the zeros that say nothing: those before the first word and at the end.
#[derive(Debug, Clone)]
pub(crate) struct GemVersion<'a>(Vec<&'a [u8]>);

impl<'a> GemVersion<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        let well_formed = text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
        well_formed.then(|| GemVersion(canonical(segments(text.as_bytes()))))
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        (0..self.0.len().max(other.0.len()))
            .map(|at| compare_segment(segment(&self.0, at), segment(&other.0, at)))
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }
}

/// Runs of digits and of letters; a hyphen stands for `.pre.`.
fn segments(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut segments = Vec::new();
    while let Some(first) = bytes.first() {
        let (segment, rest) = match first {
            b'-' => (&b"pre"[..], bytes.split_at(1).1),
            digit if digit.is_ascii_digit() => split_run(bytes, u8::is_ascii_digit),
            letter if letter.is_ascii_alphabetic() => split_run(bytes, u8::is_ascii_alphabetic),
            _ => (&b""[..], bytes.split_at(1).1),
        };
        if !segment.is_empty() {
            segments.push(segment);
        }
        bytes = rest;
    }
    segments
}

fn canonical(segments: Vec<&[u8]>) -> Vec<&[u8]> {
    let word = segments.iter().position(|s| !is_numeric(s)).unwrap_or(segments.len());
    let (numbers, rest) = segments.split_at(word);
    [without_zeros(numbers), without_zeros(rest)].concat()
}

fn without_zeros<'s, 'a>(segments: &'s [&'a [u8]]) -> &'s [&'a [u8]] {
    let end = segments.iter().rposition(|s| !(is_numeric(s) && is_zero(s))).map_or(0, |last| last + 1);
    segments.split_at(end).0
}

fn is_numeric(segment: &[u8]) -> bool {
    segment.first().is_none_or(u8::is_ascii_digit)
}

fn segment<'a>(segments: &[&'a [u8]], at: usize) -> &'a [u8] {
    segments.get(at).copied().unwrap_or_default()
}

/// Words before numbers; a missing segment is zero.
fn compare_segment(a: &[u8], b: &[u8]) -> Ordering {
    match (is_numeric(a), is_numeric(b)) {
        (true, true) => compare_numbers(a, b),
        (false, false) => a.cmp(b),
        (a_is_numeric, b_is_numeric) => a_is_numeric.cmp(&b_is_numeric),
    }
}
