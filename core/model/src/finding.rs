//! Findings: what is known to be wrong with a package, and how much of it an image has.

use api_vocab::{Severity, Timestamp};
use std::sync::Arc;

/// Number of a unique package; ascending, never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(u32);

impl PackageId {
    /// The package with this number.
    pub const fn new(number: u32) -> Self {
        PackageId(number)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A vulnerability, whichever package has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Vulnerability {
    /// The id people know it by: a CVE where there is one.
    pub id: Arc<str>,
    /// All other ids.
    pub aliases: Vec<Box<str>>,
    /// How bad it is said to be.
    pub severity: Severity,
    /// CVSS base score, 0.0 to 10.0.
    pub score: Option<f64>,
    /// One line of what it is.
    pub summary: Box<str>,
    /// Where to read more.
    pub url: Option<Box<str>>,
    /// When it was published.
    pub published: Option<Timestamp>,
}

/// A vulnerability of one package.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which; shared between packages.
    pub vulnerability: Arc<Vulnerability>,
    /// The lowest version of the package that is not affected.
    pub fix: Option<Arc<str>>,
}

/// The findings of one package.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageFindings {
    /// The package.
    pub package: PackageId,
    /// Its findings; none is an answer too.
    pub findings: Vec<Finding>,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Critical.
    pub critical: u64,
    /// High.
    pub high: u64,
    /// Medium.
    pub medium: u64,
    /// Low.
    pub low: u64,
    /// Negligible.
    pub negligible: u64,
    /// Unknown.
    pub unknown: u64,
    /// Those that have a fix.
    pub fixable: u64,
    /// Packages that were not matched yet: while there are any, the other numbers are too low.
    pub unmatched: u64,
}

impl Tally {
    /// The count of a package's findings; nothing if it was not matched yet.
    pub fn of_package(findings: Option<&[Finding]>) -> Tally {
        let mut tally = Tally::default();
        match findings {
            Some(findings) => findings.iter().for_each(|finding| tally.add(finding)),
            None => tally.unmatched = 1,
        }
        tally
    }

    /// Count one finding.
    pub fn add(&mut self, finding: &Finding) {
        let count = match finding.vulnerability.severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Negligible => &mut self.negligible,
            Severity::Unknown => &mut self.unknown,
        };
        *count += 1;
        self.fixable += u64::from(finding.fix.is_some());
    }

    /// The sum of both.
    pub const fn plus(self, other: Tally) -> Tally {
        Tally {
            critical: self.critical + other.critical,
            high: self.high + other.high,
            medium: self.medium + other.medium,
            low: self.low + other.low,
            negligible: self.negligible + other.negligible,
            unknown: self.unknown + other.unknown,
            fixable: self.fixable + other.fixable,
            unmatched: self.unmatched + other.unmatched,
        }
    }

    /// This without `other`, which is part of it.
    pub const fn minus(self, other: Tally) -> Tally {
        Tally {
            critical: self.critical.saturating_sub(other.critical),
            high: self.high.saturating_sub(other.high),
            medium: self.medium.saturating_sub(other.medium),
            low: self.low.saturating_sub(other.low),
            negligible: self.negligible.saturating_sub(other.negligible),
            unknown: self.unknown.saturating_sub(other.unknown),
            fixable: self.fixable.saturating_sub(other.fixable),
            unmatched: self.unmatched.saturating_sub(other.unmatched),
        }
    }

    /// How many findings of this severity.
    pub const fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Negligible => self.negligible,
            Severity::Unknown => self.unknown,
        }
    }

    /// How many findings in all.
    pub const fn total(&self) -> u64 {
        self.critical + self.high + self.medium + self.low + self.negligible + self.unknown
    }
}
