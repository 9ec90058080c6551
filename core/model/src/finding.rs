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

/// What matching said of one package.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageFindings {
    /// The package.
    pub package: PackageId,
    /// Its findings; none is an answer too.
    pub findings: Vec<Finding>,
    /// How many advisories name the package and cannot be compared with its version.
    pub undecided: u32,
}

/// The same, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    /// Its findings, the worst first.
    pub findings: Arc<[Finding]>,
    /// How many advisories name the package and cannot be compared with its version: while there
    /// are any, no findings does not mean none.
    pub undecided: u32,
}

/// Numbers by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BySeverity {
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
}

impl BySeverity {
    /// How many of this severity.
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

    const fn of_mut(&mut self, severity: Severity) -> &mut u64 {
        match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Negligible => &mut self.negligible,
            Severity::Unknown => &mut self.unknown,
        }
    }

    /// How many in all.
    pub const fn total(&self) -> u64 {
        self.critical + self.high + self.medium + self.low + self.negligible + self.unknown
    }

    /// The sum of both.
    pub const fn plus(self, other: BySeverity) -> BySeverity {
        BySeverity {
            critical: self.critical + other.critical,
            high: self.high + other.high,
            medium: self.medium + other.medium,
            low: self.low + other.low,
            negligible: self.negligible + other.negligible,
            unknown: self.unknown + other.unknown,
        }
    }

    /// This without `other`, which is part of it.
    pub const fn minus(self, other: BySeverity) -> BySeverity {
        BySeverity {
            critical: self.critical.saturating_sub(other.critical),
            high: self.high.saturating_sub(other.high),
            medium: self.medium.saturating_sub(other.medium),
            low: self.low.saturating_sub(other.low),
            negligible: self.negligible.saturating_sub(other.negligible),
            unknown: self.unknown.saturating_sub(other.unknown),
        }
    }

    /// Those of at least this severity.
    pub fn from(mut self, least: Severity) -> BySeverity {
        for severity in Severity::ALL.iter().filter(|severity| **severity < least) {
            *self.of_mut(*severity) = 0;
        }
        self
    }
}

/// Findings in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All of them.
    pub findings: BySeverity,
    /// Those that have a fix.
    pub fixable: BySeverity,
    /// Advisories that name a package and cannot be compared with its version.
    pub undecided: u64,
    /// Packages that were not matched yet: while there are any, the other numbers are too low.
    pub unmatched: u64,
}

impl Tally {
    /// The count of what a package has; nothing if it was not matched yet.
    pub fn of_package(matched: Option<&Matched>) -> Tally {
        let Some(matched) = matched else { return Tally { unmatched: 1, ..Tally::default() } };
        let mut tally = Tally { undecided: matched.undecided.into(), ..Tally::default() };
        matched.findings.iter().for_each(|finding| tally.add(finding));
        tally
    }

    /// Count one finding.
    pub fn add(&mut self, finding: &Finding) {
        let severity = finding.vulnerability.severity;
        *self.findings.of_mut(severity) += 1;
        *self.fixable.of_mut(severity) += u64::from(finding.fix.is_some());
    }

    /// The sum of both.
    pub const fn plus(self, other: Tally) -> Tally {
        Tally {
            findings: self.findings.plus(other.findings),
            fixable: self.fixable.plus(other.fixable),
            undecided: self.undecided + other.undecided,
            unmatched: self.unmatched + other.unmatched,
        }
    }

    /// This without `other`, which is part of it.
    pub const fn minus(self, other: Tally) -> Tally {
        Tally {
            findings: self.findings.minus(other.findings),
            fixable: self.fixable.minus(other.fixable),
            undecided: self.undecided.saturating_sub(other.undecided),
            unmatched: self.unmatched.saturating_sub(other.unmatched),
        }
    }

    /// How many findings of this severity.
    pub const fn of(&self, severity: Severity) -> u64 {
        self.findings.of(severity)
    }

    /// How many findings in all.
    pub const fn total(&self) -> u64 {
        self.findings.total()
    }
}
