//! What a record says of one package: severity, intervals and versions, read as it is matched.

use super::codec::Reader;
use crate::ranges::{Interval, Until};
use api_vocab::Severity;
use core_versions::{Scheme, Version};

/// The package's part of a record, borrowed from the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// What is said for this package alone.
    pub severity: Option<Severity>,
    intervals: u64,
    rest: Reader<'a>,
}

/// Whether a version is affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Affected,
    NotAffected,
    /// The version is none that the scheme reads, and not among those listed.
    Undecided,
}

impl<'a> Entry<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Reader::new(bytes);
        let severity = rest.severity()?;
        let intervals = rest.number()?;
        Some(Entry { severity, intervals, rest })
    }

    /// Judge a version: its text and, if the scheme can read it, what it read.
    pub(super) fn judge(&self, scheme: Option<Scheme>, text: &str, version: Option<&Version<'_>>) -> Answer {
        let mut rest = self.rest;
        for _ in 0..self.intervals {
            let Some(interval) = decode_interval(&mut rest) else { return Answer::Undecided };
            if let (Some(scheme), Some(version)) = (scheme, version)
                && is_same_stream(scheme, text, &interval)
                && interval.holds(scheme, version).unwrap_or(false)
            {
                return Answer::Affected;
            }
        }
        let listed = rest.number().unwrap_or(0);
        for _ in 0..listed {
            let Some(one) = rest.text() else { return Answer::Undecided };
            let is_equal = || match (scheme, version) {
                (Some(scheme), Some(version)) => scheme.parse(one).is_ok_and(|one| one == *version),
                _ => false,
            };
            if one == text || is_equal() {
                return Answer::Affected;
            }
        }
        if version.is_none() && self.intervals > 0 { Answer::Undecided } else { Answer::NotAffected }
    }

    /// The versions in which it is fixed, in no order.
    pub(super) fn fixes(&self) -> Vec<&'a str> {
        let mut rest = self.rest;
        (0..self.intervals)
            .map_while(|_| decode_interval(&mut rest))
            .filter_map(|interval| match interval.until {
                Until::Fixed(version) => Some(version),
                Until::Open | Until::LastAffected(_) => None,
            })
            .collect()
    }
}

fn decode_interval<'a>(reader: &mut Reader<'a>) -> Option<Interval<'a>> {
    let from = Some(reader.text()?).filter(|from| !from.is_empty());
    let until = match reader.byte()? {
        0 => Until::Open,
        1 => Until::Fixed(reader.text()?),
        2 => Until::LastAffected(reader.text()?),
        _ => return None,
    };
    Some(Interval { from, until })
}

/// A package of a module stream (`….module_el8…`) is compared with none outside of one.
fn is_same_stream(scheme: Scheme, installed: &str, interval: &Interval<'_>) -> bool {
    match (scheme, interval.until) {
        (Scheme::Rpm, Until::Fixed(fixed)) => is_modular(installed) == is_modular(fixed),
        _ => true,
    }
}

fn is_modular(version: &str) -> bool {
    version.contains(".module")
}
