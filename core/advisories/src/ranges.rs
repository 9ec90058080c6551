//! OSV's events as intervals, so that whether a version is affected is a few comparisons.

use crate::osv::{OsvEvent, OsvRange};
use core_versions::{Scheme, Version, VersionError};
use std::cmp::Ordering;

/// Versions from one (or from the first) until another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval<'a> {
    /// The first affected version; nothing means from the beginning.
    pub from: Option<&'a str>,
    pub until: Until<'a>,
}

/// How an interval ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until<'a> {
    /// It does not.
    Open,
    /// Before this version.
    Fixed(&'a str),
    /// With this version.
    LastAffected(&'a str),
}

impl Interval<'_> {
    /// Whether the interval holds `version`.
    pub(crate) fn holds(&self, scheme: Scheme, version: &Version<'_>) -> Result<bool, VersionError> {
        if let Some(from) = self.from
            && *version < scheme.parse(from)?
        {
            return Ok(false);
        }
        Ok(match self.until {
            Until::Open => true,
            Until::Fixed(fixed) => *version < scheme.parse(fixed)?,
            Until::LastAffected(last) => *version <= scheme.parse(last)?,
        })
    }
}

enum Event<'a> {
    Introduced(&'a str),
    Fixed(&'a str),
    LastAffected(&'a str),
}

impl<'a> Event<'a> {
    /// An event names one of the three; `limit` concerns commits only.
    fn of(event: &'a OsvEvent) -> Option<Event<'a>> {
        match event {
            OsvEvent { introduced: Some(version), .. } => Some(Event::Introduced(version)),
            OsvEvent { fixed: Some(version), .. } => Some(Event::Fixed(version)),
            OsvEvent { last_affected: Some(version), .. } => Some(Event::LastAffected(version)),
            _ => None,
        }
    }

    const fn version(&self) -> &'a str {
        match self {
            Event::Introduced(version) | Event::Fixed(version) | Event::LastAffected(version) => version,
        }
    }

    fn is_beginning(&self) -> bool {
        matches!(self, Event::Introduced("0"))
    }
}

/// The intervals of a range; none for a range of commits.
///
/// As in the OSV schema, "Evaluation": events in the order of their versions, of which each turns
/// "affected" on or off.
pub(crate) fn intervals_of(range: &OsvRange, scheme: Scheme) -> Result<Vec<Interval<'_>>, VersionError> {
    if range.kind == "GIT" {
        return Ok(Vec::new());
    }
    let mut events = Vec::with_capacity(range.events.len());
    for event in range.events.iter().filter_map(Event::of) {
        let version = if event.is_beginning() { None } else { Some(scheme.parse(event.version())?) };
        events.push((version, event));
    }
    events.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    let mut intervals = Vec::new();
    let mut open: Option<Option<&str>> = None;
    for (_, event) in events {
        match event {
            Event::Introduced(version) => {
                let from = if version == "0" { None } else { Some(version) };
                open = open.or(Some(from));
            }
            Event::Fixed(version) => close(&mut intervals, &mut open, Until::Fixed(version)),
            Event::LastAffected(version) => close(&mut intervals, &mut open, Until::LastAffected(version)),
        }
    }
    close(&mut intervals, &mut open, Until::Open);
    Ok(intervals)
}

/// "Fixed in 0" is how feeds say that nothing was ever affected.
fn close<'a>(intervals: &mut Vec<Interval<'a>>, open: &mut Option<Option<&'a str>>, until: Until<'a>) {
    if let Some(from) = open.take()
        && until != Until::Fixed("0")
    {
        intervals.push(Interval { from, until });
    }
}
