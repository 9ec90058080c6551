//! Alpine versions, as apk-tools 3 orders them (`apk-package(5)`, "PACKAGE VERSION").
//!
//! `digits{.digits}{letter}{_suffix{digits}}{~hash}{-rdigits}`.

use crate::digits::{compare_numbers, split_run};
use std::cmp::Ordering;

/// A version that is well-formed to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlpineVersion<'a>(&'a [u8]);

/// Parts in the order in which they may follow; where two versions part ways, the one with the
/// later part (the end is the last) is the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Initial(&'a [u8]),
    Digits(&'a [u8]),
    Letter(u8),
    Suffix(Suffix),
    SuffixNumber(&'a [u8]),
    Hash(&'a [u8]),
    Revision(&'a [u8]),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    Cvs,
    Svn,
    Git,
    Hg,
    P,
}

impl<'a> AlpineVersion<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.trim_ascii().as_bytes();
        let (mut rest, mut before) = (bytes, None);
        loop {
            let (part, left) = next_part(rest, before)?;
            if part == Part::End {
                return Some(AlpineVersion(bytes));
            }
            (rest, before) = (left, Some(part));
        }
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let (mut rest_a, mut rest_b, mut before) = (self.0, other.0, None);
        loop {
            // Parsed, so a part is missing from neither.
            let (a, left_a) = next_part(rest_a, before).unwrap_or((Part::End, &[]));
            let (b, left_b) = next_part(rest_b, before).unwrap_or((Part::End, &[]));
            let order = compare_part(a, b);
            if order != Ordering::Equal || a == Part::End {
                return order;
            }
            (rest_a, rest_b, before) = (left_a, left_b, Some(a));
        }
    }
}

fn next_part<'a>(bytes: &'a [u8], before: Option<Part<'_>>) -> Option<(Part<'a>, &'a [u8])> {
    use Part::{Digits, End, Hash, Initial, Letter, Revision, Suffix, SuffixNumber};
    let numeric = matches!(before, Some(Initial(_) | Digits(_)));
    match bytes {
        [] => before.map(|_| (End, bytes)),
        [b'0'..=b'9', ..] if before.is_none() => Some(number(bytes, Initial)),
        [b'0'..=b'9', ..] if matches!(before, Some(Suffix(_))) => Some(number(bytes, SuffixNumber)),
        [b'.', rest @ ..] if numeric && starts_with_digit(rest) => Some(number(rest, Digits)),
        [letter @ b'a'..=b'z', rest @ ..] if numeric => Some((Letter(*letter), rest)),
        [b'_', rest @ ..] if !matches!(before, None | Some(Hash(_) | Revision(_))) => {
            let (name, rest) = split_run(rest, u8::is_ascii_lowercase);
            Some((Suffix(suffix(name)?), rest))
        }
        [b'~', rest @ ..] if !matches!(before, None | Some(Hash(_) | Revision(_))) => {
            let (hash, rest) = split_run(rest, u8::is_ascii_hexdigit);
            (!hash.is_empty()).then_some((Hash(hash), rest))
        }
        [b'-', b'r', rest @ ..] if starts_with_digit(rest) && !matches!(before, None | Some(Revision(_))) => {
            Some(number(rest, Revision))
        }
        _ => None,
    }
}

fn starts_with_digit(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_digit)
}

fn number<'a>(bytes: &'a [u8], part: impl Fn(&'a [u8]) -> Part<'a>) -> (Part<'a>, &'a [u8]) {
    let (digits, rest) = split_run(bytes, u8::is_ascii_digit);
    (part(digits), rest)
}

fn suffix(name: &[u8]) -> Option<Suffix> {
    Some(match name {
        b"alpha" => Suffix::Alpha,
        b"beta" => Suffix::Beta,
        b"pre" => Suffix::Pre,
        b"rc" => Suffix::Rc,
        b"cvs" => Suffix::Cvs,
        b"svn" => Suffix::Svn,
        b"git" => Suffix::Git,
        b"hg" => Suffix::Hg,
        b"p" => Suffix::P,
        _ => return None,
    })
}

fn compare_part(a: Part<'_>, b: Part<'_>) -> Ordering {
    match (a, b) {
        // A leading zero makes a fraction of it: .05 is less than .1.
        (Part::Digits(x), Part::Digits(y)) if x.starts_with(b"0") || y.starts_with(b"0") => x.cmp(y),
        (Part::Initial(x), Part::Initial(y))
        | (Part::Digits(x), Part::Digits(y))
        | (Part::SuffixNumber(x), Part::SuffixNumber(y))
        | (Part::Revision(x), Part::Revision(y)) => compare_numbers(x, y),
        (Part::Letter(x), Part::Letter(y)) => x.cmp(&y),
        (Part::Suffix(x), Part::Suffix(y)) => x.cmp(&y),
        (Part::Hash(x), Part::Hash(y)) => x.cmp(y),
        (Part::Suffix(x), _) if x <= Suffix::Rc => Ordering::Less,
        (_, Part::Suffix(y)) if y <= Suffix::Rc => Ordering::Greater,
        _ => b.cmp(&a),
    }
}
