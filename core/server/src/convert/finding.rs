//! Findings: from the model to the wire.

use super::package::package_to;
use api_vocab::Package;
use api_wire::{finding as wire, summary::SeverityCounts};
use core_model::{Finding, Image, Tally};

/// The numbers of `tally`; nothing while some packages were not matched, because unknown is not
/// clean.
pub fn counts_to(tally: &Tally) -> Option<SeverityCounts> {
    (tally.unmatched == 0).then(|| numbers_to(tally))
}

/// The numbers of `tally`, as far as they are known.
pub fn numbers_to(tally: &Tally) -> SeverityCounts {
    SeverityCounts {
        critical: tally.findings.critical,
        high: tally.findings.high,
        medium: tally.findings.medium,
        low: tally.findings.low,
        negligible: tally.findings.negligible,
        unknown: tally.findings.unknown,
        fixable: tally.fixable.total(),
        undecided: tally.undecided,
    }
}

/// How `finding` looks on the wire, as `package` of `image` has it.
pub fn finding_to(finding: &Finding, package: &Package, image: &Image, pods: u64) -> wire::Finding {
    let vulnerability = &finding.vulnerability;
    wire::Finding {
        vulnerability: wire::Vulnerability {
            id: vulnerability.id.to_string(),
            aliases: vulnerability.aliases.iter().map(|alias| alias.to_string()).collect(),
            severity: vulnerability.severity,
            score: vulnerability.score,
            fix: finding.fix.as_deref().map(str::to_owned),
            summary: vulnerability.summary.to_string(),
            published: vulnerability.published,
        },
        package: package_to(package),
        image: (*image.key).clone(),
        references: image.references.iter().map(|reference| reference.to_string()).collect(),
        pods,
    }
}
