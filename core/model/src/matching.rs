//! Findings of packages, and what they mean for the images that hold them.

use crate::model::{Model, Step};
use crate::{
    Answer, Change, Finding, MAX_MENTIONS, Matched, Mention, PackageFindings, PackageId, PackageIds, Refusal,
    Scan, Tally,
};
use api_vocab::{Digest, Package, RevisionId, Severity};
use rustc_hash::FxHashMap;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Findings of a package that came and went, and the counts before and after.
#[derive(Debug)]
struct Difference {
    appeared: Vec<Mention>,
    disappeared: Vec<Mention>,
    before: Tally,
    after: Tally,
}

/// Findings of an image that came and went. There are millions when all is matched: nothing is
/// copied before it is clear which are told.
#[derive(Debug, Default)]
struct Mentions<'a> {
    appeared: Vec<&'a Mention>,
    disappeared: Vec<&'a Mention>,
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
        let mut differences: Vec<Difference> = Vec::new();
        // Images by number, and which of the differences are theirs.
        let mut touched: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for PackageFindings { package: id, findings, undecided } in findings {
            let Some(entry) = self.packages.get(id) else { continue };
            let (package, before) = (Arc::clone(&entry.package), entry.matched.clone());
            let now = Matched { findings: self.compact(findings), undecided };
            if before.as_ref() == Some(&now) {
                continue;
            }
            let at = differences.len();
            self.packages.holders(id).for_each(|image| touched.entry(image).or_default().push(at));
            differences.push(difference(&package, before.as_ref(), &now));
            self.packages.set_matched(id, now.clone());
            changed.push((id, now));
        }
        if changed.is_empty() {
            return;
        }
        step.tell(Change::PackagesMatched(changed));
        let mut touched: Vec<(u32, Vec<usize>)> = touched.into_iter().collect();
        touched.sort_unstable_by_key(|(image, _)| *image);
        for (image, places) in touched {
            let Some(key) = self.packages.image(image).cloned() else { continue };
            let mut tally = self.tallies.get(&key).copied().unwrap_or_default();
            let mut all = Mentions::default();
            for difference in places.into_iter().filter_map(|at| differences.get(at)) {
                tally = tally.minus(difference.before).plus(difference.after);
                all.appeared.extend(&difference.appeared);
                all.disappeared.extend(&difference.disappeared);
            }
            self.retally(&key, tally, all, step);
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
        let none = PackageIds::default();
        let was = before.map_or(&none, |scan| &scan.packages);
        let is = now.map_or(&none, |scan| &scan.packages);
        let (came, went) = (is.without(was), was.without(is));
        self.packages.hold(came.iter().copied(), key);
        match now {
            Some(scan) => {
                let (appeared, disappeared) = (self.mentions(&came), self.mentions(&went));
                let (appeared, disappeared) = (appeared.iter().collect(), disappeared.iter().collect());
                let all = Mentions { appeared, disappeared };
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
    fn retally(&mut self, key: &Arc<Digest>, tally: Tally, all: Mentions<'_>, step: &mut Step) {
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
fn worst(mut mentions: Vec<&Mention>) -> (Vec<Mention>, u32) {
    let count = u32::try_from(mentions.len()).unwrap_or(u32::MAX);
    if mentions.len() > MAX_MENTIONS {
        mentions.select_nth_unstable_by(MAX_MENTIONS - 1, by_rank);
        mentions.truncate(MAX_MENTIONS);
    }
    mentions.sort_by(by_rank);
    (mentions.into_iter().cloned().collect(), count)
}

fn by_rank(one: &&Mention, other: &&Mention) -> Ordering {
    let severity = other.severity.cmp(&one.severity);
    severity.then_with(|| one.id.cmp(&other.id)).then_with(|| one.package.cmp(&other.package))
}
