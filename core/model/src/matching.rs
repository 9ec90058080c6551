//! Findings of packages, and what they mean for the images that hold them.

use crate::model::{Model, Step};
use crate::{
    Answer, Change, Finding, MAX_MENTIONS, Matched, Mention, PackageFindings, PackageId, Refusal, Scan, Tally,
};
use api_vocab::{Digest, Package, RevisionId, Severity};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Findings that came and went, and the counts before and after.
#[derive(Debug, Default)]
struct Difference {
    appeared: Vec<Mention>,
    disappeared: Vec<Mention>,
    before: Tally,
    after: Tally,
}

impl Difference {
    fn add(&mut self, other: &Difference) {
        self.appeared.extend_from_slice(&other.appeared);
        self.disappeared.extend_from_slice(&other.disappeared);
        self.before = self.before.plus(other.before);
        self.after = self.after.plus(other.after);
    }
}

impl Model {
    pub(crate) fn take_matches(
        &mut self,
        revision: &RevisionId,
        findings: Vec<PackageFindings>,
        step: &mut Step,
    ) -> Result<Answer, Refusal> {
        if self.revision.as_ref() != Some(revision) {
            return Err(Refusal::StaleRevision { given: revision.clone(), in_force: self.revision.clone() });
        }
        self.set_findings(findings, step);
        Ok(Answer::Done)
    }

    pub(crate) fn change_revision(
        &mut self,
        revision: RevisionId,
        below: u32,
        findings: Vec<PackageFindings>,
        step: &mut Step,
    ) -> Answer {
        if self.revision.as_ref() != Some(&revision) {
            self.revision = Some(revision.clone());
            step.tell(Change::RevisionChanged(revision));
        }
        self.set_findings(findings, step);
        Answer::Unmatched(self.packages.to_match(below))
    }

    /// Replace packages' findings; tell what changed, per package and per image.
    fn set_findings(&mut self, findings: Vec<PackageFindings>, step: &mut Step) {
        let mut changed = Vec::new();
        let mut touched: FxHashMap<u32, Difference> = FxHashMap::default();
        for PackageFindings { package: id, findings, undecided } in findings {
            let Some(entry) = self.packages.get(id) else { continue };
            let (package, before) = (Arc::clone(&entry.package), entry.matched.clone());
            let now = Matched { findings: self.compact(findings), undecided };
            if before.as_ref() == Some(&now) {
                continue;
            }
            let difference = difference(&package, before.as_ref(), &now);
            self.packages.holders(id).for_each(|image| touched.entry(image).or_default().add(&difference));
            self.packages.set_matched(id, now.clone());
            changed.push((id, now));
        }
        if changed.is_empty() {
            return;
        }
        step.tell(Change::PackagesMatched(changed));
        let mut touched: Vec<(u32, Difference)> = touched.into_iter().collect();
        touched.sort_unstable_by_key(|(image, _)| *image);
        for (image, all) in touched {
            let Some(key) = self.packages.image(image).cloned() else { continue };
            let counted = self.tallies.get(&key).copied().unwrap_or_default();
            self.retally(&key, counted.minus(all.before).plus(all.after), all, step);
        }
    }

    /// Findings in a steady order, with parts that other packages' findings have as well.
    pub(crate) fn compact(&mut self, mut findings: Vec<Finding>) -> Arc<[Finding]> {
        findings.sort_by(|one, other| order(one).cmp(&order(other)));
        let shared = findings.into_iter().map(|finding| Finding {
            vulnerability: self.shared.vulnerability(&finding.vulnerability),
            fix: finding.fix.map(|fix| self.shared.text(&fix)),
        });
        shared.collect()
    }

    /// Whether [`Model::compact`] would change nothing.
    pub(crate) fn is_compact(&mut self, findings: &[Finding]) -> bool {
        findings.is_sorted_by_key(order)
            && findings.iter().all(|Finding { vulnerability, fix }| {
                Arc::ptr_eq(&self.shared.vulnerability(vulnerability), vulnerability)
                    && fix.as_ref().is_none_or(|fix| self.shared.keeps_text(fix))
            })
    }

    /// An image has another inventory, or none: follow it in packages, layers and numbers.
    pub(crate) fn scan_replaced(
        &mut self,
        key: &Arc<Digest>,
        before: Option<&Scan>,
        now: Option<&Scan>,
        step: &mut Step,
    ) {
        self.layers.hold(now.map_or(&[], |scan| &scan.layers));
        self.layers.unhold(before.map_or(&[], |scan| &scan.layers));
        let was: &[PackageId] = before.map_or(&[], |scan| &scan.packages);
        let is: &[PackageId] = now.map_or(&[], |scan| &scan.packages);
        let came: Vec<PackageId> = is.iter().filter(|id| was.binary_search(id).is_err()).copied().collect();
        let went: Vec<PackageId> = was.iter().filter(|id| is.binary_search(id).is_err()).copied().collect();
        self.packages.hold(&came, key);
        match now {
            Some(scan) => {
                let (appeared, disappeared) = (self.mentions(&came), self.mentions(&went));
                let all = Difference { appeared, disappeared, ..Difference::default() };
                self.retally(key, self.packages.tally(&scan.packages), all, step);
            }
            None => drop(self.tallies.remove(key)),
        }
        let forgotten = self.packages.unhold(&went, key);
        if now.is_none() {
            self.packages.forget_image(key);
        }
        forgotten.iter().for_each(|id| self.packages.forget(*id));
        if !forgotten.is_empty() {
            step.tell(Change::PackagesForgotten(forgotten));
        }
    }

    fn mentions(&self, packages: &[PackageId]) -> Vec<Mention> {
        let entries = packages.iter().filter_map(|id| self.packages.get(*id));
        entries
            .flat_map(|entry| {
                let findings = entry.matched.iter().flat_map(|matched| matched.findings.iter());
                findings.map(|finding| mention(&entry.package, finding))
            })
            .collect()
    }

    /// An image's findings are this many now; tell what changed, if anything did.
    fn retally(&mut self, key: &Arc<Digest>, tally: Tally, all: Difference, step: &mut Step) {
        let before = self.tallies.insert(Arc::clone(key), tally);
        if before == Some(tally) && all.appeared.is_empty() && all.disappeared.is_empty() {
            return;
        }
        let (appeared, appeared_count) = worst(all.appeared);
        let (disappeared, disappeared_count) = worst(all.disappeared);
        step.tell(Change::FindingsChanged {
            image: Arc::clone(key),
            tally,
            appeared,
            appeared_count,
            disappeared,
            disappeared_count,
        });
    }
}

/// The worst first.
fn order(finding: &Finding) -> (Reverse<Severity>, &str) {
    (Reverse(finding.vulnerability.severity), &finding.vulnerability.id)
}

fn mention(package: &Arc<Package>, finding: &Finding) -> Mention {
    Mention {
        id: Arc::clone(&finding.vulnerability.id),
        package: Arc::clone(package),
        severity: finding.vulnerability.severity,
    }
}

/// Findings that only one of two sets names.
fn difference(package: &Arc<Package>, before: Option<&Matched>, now: &Matched) -> Difference {
    let only_in = |one: &[Finding], other: &[Finding]| {
        let ids: BTreeSet<&str> = other.iter().map(|finding| &*finding.vulnerability.id).collect();
        let only = one.iter().filter(|finding| !ids.contains(&*finding.vulnerability.id));
        only.map(|finding| mention(package, finding)).collect()
    };
    let known = before.map_or(&[][..], |before| &before.findings);
    Difference {
        appeared: only_in(&now.findings, known),
        disappeared: only_in(known, &now.findings),
        before: Tally::of_package(before),
        after: Tally::of_package(Some(now)),
    }
}

/// The worst of them, as many as an event mentions, and how many there are.
fn worst(mut mentions: Vec<Mention>) -> (Vec<Mention>, u32) {
    let count = u32::try_from(mentions.len()).unwrap_or(u32::MAX);
    mentions.sort_by(|one, other| {
        (Reverse(one.severity), &one.id, &one.package).cmp(&(
            Reverse(other.severity),
            &other.id,
            &other.package,
        ))
    });
    mentions.truncate(MAX_MENTIONS);
    mentions.shrink_to_fit();
    (mentions, count)
}
