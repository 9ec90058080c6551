//! Verdicts: what is to be thought of a pod or an image by its findings alone. Until there are
//! policies, severities are the only rule.

use crate::{Image, Stage, Tally};
use api_vocab::{Severity, Verdict};

/// From which severity on a finding matters; none: no finding does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// From here on it ought not to run.
    pub fail_from: Option<Severity>,
    /// From here on somebody ought to look.
    pub warn_from: Option<Severity>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { fail_from: Some(Severity::Critical), warn_from: Some(Severity::High) }
    }
}

impl Thresholds {
    /// What is to be thought of something with these findings, where `all_known` says whether
    /// there can be none besides. What is known to be bad is bad whatever else is not known;
    /// without that, nothing unknown passes.
    pub fn verdict(self, known: &Tally, all_known: bool) -> Verdict {
        let reaches =
            |from: Option<Severity>| from.is_some_and(|least| known.findings.from(least).total() > 0);
        if reaches(self.fail_from) {
            Verdict::Fail
        } else if reaches(self.warn_from) {
            Verdict::Warn
        } else if all_known && known.undecided == 0 && known.unmatched == 0 {
            Verdict::Pass
        } else {
            Verdict::Unknown
        }
    }
}

impl Image {
    /// Whether all that is in it is known. What was known stays known while it is scanned again,
    /// but not once that has failed for good.
    pub fn is_known_whole(&self) -> bool {
        self.stage() != Stage::Unscannable && self.scan.as_ref().is_some_and(|scan| !scan.is_partial())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BySeverity;

    fn tally(critical: u64, high: u64, undecided: u64) -> Tally {
        Tally {
            findings: BySeverity { critical, high, ..BySeverity::default() },
            undecided,
            ..Tally::default()
        }
    }

    #[test]
    fn verdict_follows_what_is_known_then_what_is_not() {
        let by_default = Thresholds::default();
        let never = Thresholds { fail_from: None, warn_from: None };
        let any = Thresholds { fail_from: None, warn_from: Some(Severity::Unknown) };
        for (thresholds, known, all_known, expected) in [
            (by_default, tally(0, 0, 0), true, Verdict::Pass),
            (by_default, tally(0, 0, 0), false, Verdict::Unknown),
            (by_default, tally(0, 0, 1), true, Verdict::Unknown),
            (by_default, Tally { unmatched: 1, ..Tally::default() }, true, Verdict::Unknown),
            (by_default, tally(0, 1, 0), true, Verdict::Warn),
            (by_default, tally(0, 1, 1), false, Verdict::Warn),
            (by_default, tally(1, 0, 1), false, Verdict::Fail),
            (by_default, tally(1, 1, 0), true, Verdict::Fail),
            (never, tally(1, 1, 0), true, Verdict::Pass),
            (never, tally(1, 1, 0), false, Verdict::Unknown),
            (any, tally(1, 0, 0), true, Verdict::Warn),
        ] {
            let found = thresholds.verdict(&known, all_known);
            assert_eq!(found, expected, "{thresholds:?} {known:?} {all_known}");
        }
    }
}
