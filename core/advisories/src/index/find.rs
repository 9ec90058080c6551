//! Finding what is wrong with a package.

use super::advisory::{AdvisoryRef, decode};
use super::codec::Reader;
use super::entry::{Answer, Entry};
use super::finding::Found;
use super::layout::Index;
use super::merge::merge;
use crate::key::{KeyRef, Lookup, lookups};
use api_vocab::Package;
use core_versions::{Scheme, Version};
use std::cmp::Ordering;

/// A record that says that the package is affected.
pub(super) struct Hit<'a> {
    pub advisory: AdvisoryRef<'a>,
    pub entry: Entry<'a>,
    pub scheme: Option<Scheme>,
    pub installed: &'a str,
}

impl Index {
    /// What is wrong with a package.
    ///
    /// It is a function of the package and the revision: callers match each unique package once. What
    /// is wrong with a package that a distribution's one owns is found with the owner.
    pub fn find(&self, package: &Package) -> Found {
        if package.owned_by().is_some() {
            return Found::default();
        }
        let mut hits = Vec::new();
        let mut undecided = Vec::new();
        let scheme = Scheme::of(package.ecosystem().family());
        for Lookup { key, version } in lookups(package) {
            let mut parsed = None;
            for (record, entry) in self.entries(&key) {
                let parsed = parsed.get_or_insert_with(|| scheme.and_then(|s| s.parse(version).ok()));
                match entry.judge(scheme, version, parsed.as_ref()) {
                    Answer::NotAffected => {}
                    Answer::Affected => hits.extend(self.advisory(record).map(|advisory| Hit {
                        advisory,
                        entry,
                        scheme,
                        installed: version,
                    })),
                    Answer::Undecided => undecided.extend(self.advisory(record).map(|a| Box::from(a.id))),
                }
            }
        }
        let findings = merge(&hits);
        undecided.retain(|id| {
            !findings.iter().any(|found| found.id == *id || found.aliases.binary_search(id).is_ok())
        });
        undecided.sort();
        undecided.dedup();
        Found { findings, undecided }
    }

    /// The advisories that name a package, whatever they say of its version; sorted.
    pub fn naming(&self, package: &Package) -> Vec<Box<str>> {
        let named = lookups(package).flat_map(|lookup| self.entries(&lookup.key));
        let mut ids: Vec<Box<str>> =
            named.filter_map(|(record, _)| self.advisory(record).map(|a| Box::from(a.id))).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    fn entries<'a>(&'a self, key: &KeyRef<'_>) -> impl Iterator<Item = (u64, Entry<'a>)> + use<'a> {
        let block = self.rows_of(key.hash()).find_map(|row| {
            let mut reader = Reader::new(self.block(row.block)?);
            let is_it = reader.text()? == key.family.as_str()
                && reader.text()? == key.release
                && reader.text()? == key.name;
            is_it.then_some(reader)
        });
        block.into_iter().flat_map(|mut reader| {
            let count = reader.number().unwrap_or(0);
            (0..count).map_while(move |_| Some((reader.number()?, Entry::decode(reader.bytes()?)?)))
        })
    }

    fn advisory(&self, record: u64) -> Option<AdvisoryRef<'_>> {
        decode(self.record(record)?)
    }
}

impl Hit<'_> {
    fn affects(&self, text: &str, version: &Version<'_>) -> bool {
        self.entry.judge(self.scheme, text, Some(version)) == Answer::Affected
    }
}

/// The lowest version above the installed one that none of the records affects; failing that, one
/// that the record which names it does not affect.
pub(super) fn fix_of<'a>(hits: &[&Hit<'a>]) -> Option<&'a str> {
    let mut candidates: Vec<(&Hit<'a>, &'a str, Version<'a>)> = Vec::new();
    for hit in hits {
        let Some(scheme) = hit.scheme else { continue };
        let Ok(installed) = scheme.parse(hit.installed) else { continue };
        let above = hit.entry.fixes().into_iter().filter_map(|text| {
            let version = scheme.parse(text).ok()?;
            (version > installed && !hit.affects(text, &version)).then_some((*hit, text, version))
        });
        candidates.extend(above);
    }
    candidates.sort_by(|(_, _, a), (_, _, b)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    let by_all =
        candidates.iter().find(|(_, text, version)| hits.iter().all(|hit| !hit.affects(text, version)));
    by_all.or(candidates.first()).map(|(_, text, _)| *text)
}
