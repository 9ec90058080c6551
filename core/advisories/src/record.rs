//! One OSV record as matching needs it.

use crate::index::codec::Writer;
use crate::key::{KeyRef, PackageKey};
use crate::osv::{OsvAffected, OsvRecord, OsvReference};
use crate::ranges::{Interval, Until, intervals_of};
use crate::severity::{Rating, Score, rate_affected, rate_record};
use api_vocab::{Ecosystem, Family, Severity, Timestamp};
use core_versions::{Scheme, Version};

const MAX_SUMMARY: usize = 200;
const MAX_ID: usize = 128;

/// A record, read.
pub(crate) struct Record {
    pub advisory: Advisory,
    pub affected: Vec<Affected>,
    pub is_withdrawn: bool,
    /// Packages of ecosystems that we do not know.
    pub unknown_ecosystems: u64,
    /// What in it could not be read, though the rest could.
    pub complaints: Vec<String>,
}

/// What a record says, whatever it affects.
pub(crate) struct Advisory {
    pub id: Box<str>,
    /// Other ids of the same vulnerability.
    pub aliases: Vec<Box<str>>,
    /// The vulnerabilities that it is about, where they are several.
    pub covers: Vec<Box<str>>,
    pub rating: Rating,
    pub score: Option<Score>,
    pub summary: Box<str>,
    pub url: Box<str>,
    pub published: Option<Timestamp>,
    pub modified: Option<Timestamp>,
}

/// A package that a record affects.
pub(crate) struct Affected {
    pub key: PackageKey,
    /// Severity, intervals and versions, as they stand in the index.
    pub body: Box<[u8]>,
}

impl Record {
    /// Read a record; a complaint if it is none.
    pub(crate) fn parse(json: &[u8]) -> Result<Record, String> {
        let osv: OsvRecord = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if osv.id.is_empty() || osv.id.len() > MAX_ID || osv.id.chars().any(char::is_control) {
            return Err("its id is empty, over 128 bytes, or has control characters".to_owned());
        }
        let score = Score::of_record(&osv);
        let mut record = Record {
            is_withdrawn: osv.withdrawn.is_some(),
            affected: Vec::new(),
            unknown_ecosystems: 0,
            complaints: Vec::new(),
            advisory: advisory_of(&osv, score),
        };
        if !record.is_withdrawn {
            osv.affected.iter().for_each(|affected| record.add(affected));
        }
        Ok(record)
    }

    fn add(&mut self, affected: &OsvAffected) {
        let Some(package) = &affected.package else { return };
        let Ok(ecosystem) = package.ecosystem.parse::<Ecosystem>() else {
            self.unknown_ecosystems += 1;
            return;
        };
        if let Some(body) = self.body_of(affected, ecosystem.family()) {
            let key = KeyRef::new(&ecosystem, &package.name).to_owned();
            self.affected.push(Affected { key, body });
        }
    }

    /// Nothing if no version is affected.
    fn body_of(&mut self, affected: &OsvAffected, family: Family) -> Option<Box<[u8]>> {
        let scheme = Scheme::of(family);
        let mut intervals = Vec::new();
        for range in &affected.ranges {
            match scheme.map(|scheme| intervals_of(range, scheme)) {
                Some(Ok(found)) => intervals.extend(found),
                Some(Err(error)) => self.complaints.push(error.to_string()),
                None => {}
            }
        }
        let versions: Vec<&str> = affected
            .versions
            .iter()
            .map(String::as_str)
            .filter(|v| !is_held(v, &intervals, scheme))
            .collect();
        if intervals.is_empty() && versions.is_empty() {
            return None;
        }
        Some(encode(rate_affected(affected), &intervals, &versions))
    }
}

/// Whether the intervals hold a listed version already, so that it need not be kept.
fn is_held(version: &str, intervals: &[Interval<'_>], scheme: Option<Scheme>) -> bool {
    let Some(scheme) = scheme else { return false };
    let Ok(parsed) = scheme.parse(version) else { return false };
    holds_any(&parsed, intervals, scheme)
}

fn holds_any(version: &Version<'_>, intervals: &[Interval<'_>], scheme: Scheme) -> bool {
    intervals.iter().any(|interval| interval.holds(scheme, version).unwrap_or(false))
}

fn encode(severity: Option<Severity>, intervals: &[Interval<'_>], versions: &[&str]) -> Box<[u8]> {
    let mut writer = Writer::default();
    writer.severity(severity);
    writer.number(intervals.len() as u64);
    for interval in intervals {
        writer.text(interval.from.unwrap_or_default());
        match interval.until {
            Until::Open => writer.byte(0),
            Until::Fixed(version) => {
                writer.byte(1);
                writer.text(version);
            }
            Until::LastAffected(version) => {
                writer.byte(2);
                writer.text(version);
            }
        }
    }
    writer.number(versions.len() as u64);
    versions.iter().for_each(|version| writer.text(version));
    writer.into_bytes().into()
}

fn advisory_of(osv: &OsvRecord, score: Option<Score>) -> Advisory {
    let upstream = upstream_of(osv);
    let (merged, covers) = if upstream.len() > 1 { (Vec::new(), upstream) } else { (upstream, Vec::new()) };
    let mut aliases: Vec<Box<str>> = osv.aliases.iter().map(|id| id.as_str().into()).chain(merged).collect();
    aliases.retain(|id| is_id(id) && **id != *osv.id);
    aliases.sort();
    aliases.dedup();
    let time = |text: &Option<String>| {
        text.as_deref().and_then(|t| t.parse().ok()).filter(|t: &Timestamp| t.as_millis() > 0)
    };
    Advisory {
        id: osv.id.as_str().into(),
        aliases,
        covers,
        rating: rate_record(osv, score.as_ref()),
        score,
        summary: summary_of(osv).into(),
        url: url_of(&osv.references).into(),
        published: time(&osv.published),
        modified: time(&osv.modified),
    }
}

/// The vulnerabilities that a distribution's advisory is about. Errata that predate the field name
/// them among the related ones.
fn upstream_of(osv: &OsvRecord) -> Vec<Box<str>> {
    let is_errata = osv.upstream.is_empty()
        && !osv.aliases.iter().any(|id| id.starts_with("CVE-"))
        && osv.affected.iter().any(|a| a.package.as_ref().is_some_and(|p| names_distribution(&p.ecosystem)));
    let named: Vec<&String> = match is_errata {
        true => osv.related.iter().filter(|id| id.starts_with("CVE-")).collect(),
        false => osv.upstream.iter().collect(),
    };
    let mut ids: Vec<Box<str>> = named.into_iter().map(|id| cve_within(id).into()).collect();
    ids.sort();
    ids.dedup();
    ids.retain(|id| is_id(id) && **id != *osv.id);
    ids
}

fn names_distribution(ecosystem: &str) -> bool {
    ecosystem.parse::<Ecosystem>().is_ok_and(|e| e.family().is_distribution())
}

/// `UBUNTU-CVE-2024-1` speaks of `CVE-2024-1`.
fn cve_within(id: &str) -> &str {
    id.find("-CVE-").and_then(|at| id.get(at + 1..)).unwrap_or(id)
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// One line: the summary, else the first of the details.
fn summary_of(osv: &OsvRecord) -> String {
    let filled = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
    let text = filled(&osv.summary).or_else(|| filled(&osv.details)).unwrap_or_default();
    let line = text.trim().lines().next().unwrap_or_default().trim_start_matches(['#', ' ']);
    let plain = line.chars().filter(|c| !c.is_control());
    if line.chars().count() <= MAX_SUMMARY {
        return plain.collect();
    }
    let cut: String = plain.take(MAX_SUMMARY).collect();
    format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words))
}

/// Where to read more: an advisory before anything else.
fn url_of(references: &[OsvReference]) -> String {
    let is_link = |r: &&OsvReference| {
        r.url.as_ref().is_some_and(|url| {
            url.len() <= 512 && url.starts_with("http") && url.bytes().all(|b| b.is_ascii_graphic())
        })
    };
    let mut links = references.iter().filter(is_link);
    let first = links.clone().find(|r| r.kind.as_deref() == Some("ADVISORY")).or_else(|| links.next());
    first.and_then(|r| r.url.clone()).unwrap_or_default()
}
