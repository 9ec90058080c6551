//! One vulnerability, one finding: records that share an id are about the same thing.

use super::advisory::{AdvisoryRef, ScoreRef};
use super::find::{Hit, fix_of};
use super::finding::Finding;
use crate::severity::{Authority, Rating, Score};
use api_vocab::Severity;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// What some records say of one vulnerability.
#[derive(Default)]
struct Group<'h, 'a> {
    /// The ids by which it is told from others.
    ids: BTreeSet<&'a str>,
    claims: Vec<Claim<'h, 'a>>,
}

/// What one record says of one vulnerability.
#[derive(Clone, Copy)]
struct Claim<'h, 'a> {
    hit: &'h Hit<'a>,
    score: ScoreRef<'a>,
}

pub(super) fn merge(hits: &[Hit<'_>]) -> Vec<Finding> {
    let mut groups: Vec<Group<'_, '_>> = Vec::new();
    let mut group_of: FxHashMap<&str, usize> = FxHashMap::default();
    for (ids, claim) in hits.iter().flat_map(claims_of) {
        let mut known: Vec<usize> = ids.iter().filter_map(|id| group_of.get(id).copied()).collect();
        known.sort();
        known.dedup();
        let mut group = Group { ids: ids.into_iter().collect(), claims: vec![claim] };
        for at in &known {
            let other = groups.get_mut(*at).map(std::mem::take).unwrap_or_default();
            group = other.joined(group);
        }
        let at = known.first().copied().unwrap_or(groups.len());
        group_of.extend(group.ids.iter().map(|id| (*id, at)));
        match groups.get_mut(at) {
            Some(place) => *place = group,
            None => groups.push(group),
        }
    }
    let mut findings: Vec<Finding> = groups.iter().filter_map(Group::finding).collect();
    findings.sort_by(|a, b| a.id.cmp(&b.id));
    findings
}

/// A record about several vulnerabilities makes a claim about each of them.
fn claims_of<'h, 'a>(hit: &'h Hit<'a>) -> Vec<(Vec<&'a str>, Claim<'h, 'a>)> {
    let AdvisoryRef { id, aliases, covers, score, .. } = &hit.advisory;
    if covers.is_empty() {
        let ids = std::iter::once(*id).chain(aliases.iter().copied()).collect();
        return vec![(ids, Claim { hit, score: *score })];
    }
    covers.iter().map(|(id, score)| (vec![*id], Claim { hit, score: *score })).collect()
}

impl<'h, 'a> Group<'h, 'a> {
    fn joined(mut self, other: Group<'h, 'a>) -> Self {
        self.ids.extend(other.ids);
        self.claims.extend(other.claims);
        self
    }

    fn finding(&self) -> Option<Finding> {
        let id = *self.ids.iter().min_by_key(|id| (rank_of(id), **id))?;
        let rating = self.claims.iter().map(Claim::rating).max().unwrap_or(Rating::UNKNOWN);
        let score = self.claims.iter().filter_map(|claim| claim.score).max_by_key(|(tenths, _)| *tenths);
        let advisory = |claim: &Claim<'h, 'a>| &claim.hit.advisory;
        let advisories: BTreeSet<&str> = self.claims.iter().map(|c| advisory(c).id).collect();
        let hits: Vec<&Hit<'a>> = self.claims.iter().map(|claim| claim.hit).collect();
        let first = |text: fn(&AdvisoryRef<'a>) -> &'a str| {
            self.claims.iter().map(|c| text(advisory(c))).find(|text| !text.is_empty())
        };
        Some(Finding {
            id: id.into(),
            aliases: self
                .ids
                .union(&advisories)
                .filter(|alias| **alias != id)
                .map(|alias| Box::from(*alias))
                .collect(),
            advisories: advisories.iter().map(|id| Box::from(*id)).collect(),
            severity: rating.severity,
            score: score.map(|(tenths, _)| Score::value(tenths)),
            vector: score.map(|(_, vector)| vector.into()),
            fix: fix_of(&hits).map(Into::into),
            summary: first(|a| a.summary).unwrap_or_default().into(),
            url: first(|a| a.url).map(Into::into),
            published: self.claims.iter().filter_map(|c| advisory(c).published).min(),
            modified: self.claims.iter().filter_map(|c| advisory(c).modified).max(),
        })
    }
}

impl Claim<'_, '_> {
    /// What the distribution says for the package alone goes before what it says of the record;
    /// a record about several vulnerabilities whose severity nobody told has the score of each.
    fn rating(&self) -> Rating {
        let said = self.hit.advisory.rating;
        match (self.hit.entry.severity, self.score) {
            (Some(severity), _) => Rating { authority: Authority::Distribution, severity },
            (None, Some((tenths, _))) if said.authority == Authority::Nobody => Rating {
                authority: Authority::OtherRecord,
                severity: Severity::of_score(Score::value(tenths)),
            },
            _ => said,
        }
    }
}

/// CVE first, then the ids that several databases use.
fn rank_of(id: &str) -> u8 {
    match id.split('-').next().unwrap_or_default() {
        "CVE" => 0,
        "GHSA" => 1,
        _ => 2,
    }
}
