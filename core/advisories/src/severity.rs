//! How bad an advisory says it is: the distribution's word, a CVSS vector, or the database's word.

use crate::osv::{OsvAffected, OsvRecord, OsvSeverity};
use api_vocab::{Family, Severity};
use std::str::FromStr;

/// A CVSS vector and its base score, in tenths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Score {
    pub tenths: u8,
    pub vector: Box<str>,
    preference: u8,
}

/// A severity, and how much whoever said it is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rating {
    pub authority: Authority,
    pub severity: Severity,
}

/// Who said how bad it is; ordered, the most to be believed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Authority {
    Nobody,
    /// A score of the same vulnerability in another record.
    OtherRecord,
    DatabaseWord,
    OwnScore,
    Distribution,
}

impl Authority {
    const ALL: [Authority; 5] = [
        Authority::Nobody,
        Authority::OtherRecord,
        Authority::DatabaseWord,
        Authority::OwnScore,
        Authority::Distribution,
    ];

    /// What stands in the index.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Authority::Nobody => 0,
            Authority::OtherRecord => 1,
            Authority::DatabaseWord => 2,
            Authority::OwnScore => 3,
            Authority::Distribution => 4,
        }
    }

    pub(crate) fn of_code(code: u8) -> Authority {
        Authority::ALL.into_iter().find(|a| a.code() == code).unwrap_or(Authority::Nobody)
    }
}

impl Rating {
    pub(crate) const UNKNOWN: Rating = Rating { authority: Authority::Nobody, severity: Severity::Unknown };
}

impl Score {
    /// The score of a CVSS vector, whichever version; nothing for anything else.
    pub(crate) fn parse(vector: &str) -> Option<Score> {
        let parsed = cvss::Cvss::from_str(vector.trim().trim_end_matches('/')).ok()?;
        let preference = match parsed {
            cvss::Cvss::CvssV31(_) => 4,
            cvss::Cvss::CvssV30(_) => 3,
            cvss::Cvss::CvssV40(_) => 2,
            _ => 1,
        };
        let tenths = (parsed.score() * 10.0).round().clamp(0.0, 100.0) as u8;
        Some(Score { tenths, vector: vector.trim().into(), preference })
    }

    pub(crate) fn value(tenths: u8) -> f64 {
        f64::from(tenths) / 10.0
    }

    pub(crate) fn severity(&self) -> Severity {
        Severity::of_score(Score::value(self.tenths))
    }

    /// Of two scores of one vulnerability: version 3 first, as most have it and scores of
    /// different versions do not compare; then the higher.
    pub(crate) fn better(self, other: Score) -> Score {
        let rank = |s: &Score| (s.preference, s.tenths);
        if rank(&other) > rank(&self) { other } else { self }
    }

    /// The best of a record's vectors; those of what it affects if it has none of its own.
    pub(crate) fn of_record(record: &OsvRecord) -> Option<Score> {
        let best = |severities: &[OsvSeverity]| {
            severities.iter().filter_map(|s| Score::parse(&s.score)).reduce(Score::better)
        };
        best(&record.severity)
            .or_else(|| record.affected.iter().find_map(|affected| best(&affected.severity)))
    }
}

/// What the record as a whole says.
pub(crate) fn rate_record(record: &OsvRecord, score: Option<&Score>) -> Rating {
    let rating = |authority, severity| Rating { authority, severity };
    let is_distribution = record.affected.iter().any(|a| {
        let family = a.package.as_ref().map(|p| p.ecosystem.split(':').next().unwrap_or_default());
        family.and_then(|f| f.parse().ok()).is_some_and(Family::is_distribution)
    });
    let word = record.database_specific.severity_word().and_then(severity_of_word);
    if is_distribution {
        let own = priority(&record.severity).or(word).or_else(|| errata_severity(record.summary.as_deref()?));
        if let Some(severity) = own {
            return rating(Authority::Distribution, severity);
        }
    }
    match (score, word) {
        (Some(score), _) => rating(Authority::OwnScore, score.severity()),
        (None, Some(severity)) => rating(Authority::DatabaseWord, severity),
        (None, None) => Rating::UNKNOWN,
    }
}

/// What is said for one package alone.
pub(crate) fn rate_affected(affected: &OsvAffected) -> Option<Severity> {
    if matches!(affected.database_specific.informational(), Some("unmaintained" | "notice")) {
        return Some(Severity::Negligible);
    }
    let word = affected.ecosystem_specific.severity_word().or(affected.database_specific.severity_word());
    priority(&affected.severity).or_else(|| word.and_then(severity_of_word))
}

/// A priority among the severities, as Ubuntu gives it.
fn priority(severities: &[OsvSeverity]) -> Option<Severity> {
    severities.iter().filter(|s| s.kind == "Ubuntu").find_map(|s| severity_of_word(&s.score))
}

/// `Important: openssl security update`.
fn errata_severity(summary: &str) -> Option<Severity> {
    severity_of_word(summary.split_once(':')?.0)
}

fn severity_of_word(word: &str) -> Option<Severity> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" | "important" => Severity::High,
        "medium" | "moderate" => Severity::Medium,
        "low" => Severity::Low,
        "negligible" | "unimportant" | "none" => Severity::Negligible,
        _ => return None,
    })
}
