//! How bad a vulnerability is said to be.

use crate::text::string_enum;

string_enum! {
    /// Qualitative severity; ordered, the worst last.
    ///
    /// Scores map as in CVSS v3.1, section 5: 0.1–3.9 low, 4.0–6.9 medium, 7.0–8.9 high,
    /// 9.0–10.0 critical; 0.0 is negligible.
    Severity, "severity" {
        /// Nobody has said.
        Unknown = "unknown",
        /// Said to be of no practical consequence.
        Negligible = "negligible",
        /// Low.
        Low = "low",
        /// Medium.
        Medium = "medium",
        /// High.
        High = "high",
        /// Critical.
        Critical = "critical",
    }
}

impl Severity {
    /// The severity of a CVSS base score from 0.0 to 10.0.
    pub fn of_score(score: f64) -> Self {
        match score {
            s if s >= 9.0 => Severity::Critical,
            s if s >= 7.0 => Severity::High,
            s if s >= 4.0 => Severity::Medium,
            s if s > 0.0 => Severity::Low,
            _ => Severity::Negligible,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_words_round_trip_and_are_ordered() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse::<Severity>().unwrap(), *severity);
        }
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Unknown);
        assert!("High".parse::<Severity>().is_err());
    }

    #[test]
    fn score_at_boundary_maps_upwards() {
        assert_eq!(Severity::of_score(9.0), Severity::Critical);
        assert_eq!(Severity::of_score(8.9), Severity::High);
        assert_eq!(Severity::of_score(4.0), Severity::Medium);
        assert_eq!(Severity::of_score(0.1), Severity::Low);
        assert_eq!(Severity::of_score(0.0), Severity::Negligible);
    }
}
