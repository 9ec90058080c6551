//! Rows of images and of their scans; the image's key is a column of its own.

use super::{DigestText, Known};
use api_vocab::{
    Digest, Distro, Ecosystem, ExtractorSet, LeaseId, Platform, Problem, ProblemCode, ScannerName, SourceId,
    Timestamp,
};
use core_model::{FailureKind, Image, Miss, PackageId, Scan, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// An image without its scan.
#[derive(Serialize, Deserialize)]
pub(crate) struct ImageRow {
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<Digest>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    config: Option<Digest>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<Arc<str>>,
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pulls: Vec<Arc<str>>,
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Arc<SourceId>>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(rename = "f")]
    first_seen: i64,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    unused_since: Option<i64>,
    #[serde(rename = "s")]
    state: StateRow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateRow {
    Queued {
        since: i64,
        failed: u32,
        asked: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missed: Vec<MissRow>,
    },
    Leased {
        lease: LeaseId,
        scanner: ScannerName,
        until: i64,
        attempt: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missed: Vec<MissRow>,
    },
    Backoff {
        until: i64,
        failed: u32,
        reason: Arc<str>,
    },
    Scanned,
    Unscannable {
        since: i64,
        reason: Arc<str>,
    },
}

/// Who missed it; whether of a node only; whether for good; why.
#[derive(Serialize, Deserialize)]
struct MissRow(ScannerName, bool, bool, Arc<str>);

impl MissRow {
    fn all(missed: &[Miss]) -> Vec<Self> {
        let row = |miss: &Miss| {
            let is_final = miss.kind == FailureKind::Permanent;
            MissRow(miss.scanner.clone(), miss.is_of_node, is_final, Arc::clone(&miss.reason))
        };
        missed.iter().map(row).collect()
    }

    fn miss(self) -> Miss {
        let kind = if self.2 { FailureKind::Permanent } else { FailureKind::Transient };
        Miss { scanner: self.0, is_of_node: self.1, kind, reason: self.3 }
    }
}

impl StateRow {
    fn of(state: &State) -> Self {
        match state {
            State::Queued { since, failed, asked, missed } => StateRow::Queued {
                since: since.as_millis(),
                failed: *failed,
                asked: *asked,
                missed: MissRow::all(missed),
            },
            State::Leased { lease, scanner, until, attempt, missed } => StateRow::Leased {
                lease: *lease,
                scanner: scanner.clone(),
                until: until.as_millis(),
                attempt: *attempt,
                missed: MissRow::all(missed),
            },
            State::Backoff { until, failed, reason } => {
                StateRow::Backoff { until: until.as_millis(), failed: *failed, reason: Arc::clone(reason) }
            }
            State::Scanned => StateRow::Scanned,
            State::Unscannable { since, reason } => {
                StateRow::Unscannable { since: since.as_millis(), reason: Arc::clone(reason) }
            }
        }
    }

    fn state(self) -> State {
        let time = Timestamp::from_millis;
        let misses = |rows: Vec<MissRow>| rows.into_iter().map(MissRow::miss).collect();
        match self {
            StateRow::Queued { since, failed, asked, missed } => {
                State::Queued { since: time(since), failed, asked, missed: misses(missed) }
            }
            StateRow::Leased { lease, scanner, until, attempt, missed } => {
                State::Leased { lease, scanner, until: time(until), attempt, missed: misses(missed) }
            }
            StateRow::Backoff { until, failed, reason } => {
                State::Backoff { until: time(until), failed, reason }
            }
            StateRow::Scanned => State::Scanned,
            StateRow::Unscannable { since, reason } => State::Unscannable { since: time(since), reason },
        }
    }
}

impl ImageRow {
    pub(crate) fn of(image: &Image) -> Self {
        ImageRow {
            aliases: image.aliases.clone(),
            config: image.config.clone(),
            references: image.references.clone(),
            pulls: image.pulls.clone(),
            sources: image.sources.clone(),
            platform: image.platform.clone(),
            first_seen: image.first_seen.as_millis(),
            unused_since: image.unused_since.map(Timestamp::as_millis),
            state: StateRow::of(&image.state),
        }
    }

    pub(crate) fn image(self, key: Digest, scan: Option<Scan>, known: &mut Known) -> Image {
        let key = known.digest(key);
        known.image(Image {
            key,
            aliases: exact(self.aliases),
            config: self.config,
            references: self.references,
            pulls: exact(self.pulls),
            sources: self.sources,
            platform: self.platform,
            first_seen: Timestamp::from_millis(self.first_seen),
            unused_since: self.unused_since.map(Timestamp::from_millis),
            state: self.state.state(),
            scan: scan.map(Arc::new),
        })
    }
}

/// The same list without the room that reading it leaves: there are many.
fn exact<T>(mut list: Vec<T>) -> Vec<T> {
    list.shrink_to_fit();
    list
}

/// What the last successful scan learned.
#[derive(Serialize, Deserialize)]
pub(crate) struct ScanRow<'a> {
    at: i64,
    /// Each number as its distance from the one before.
    packages: Vec<u32>,
    layers: Vec<DigestText<'a>>,
    distro: Option<DistroRow>,
    problems: Vec<(ProblemCode, Box<str>, Box<str>)>,
    problem_count: u32,
    extractor_set: ExtractorSet,
    engine: Arc<str>,
    fetched_from: Arc<str>,
}

#[derive(Serialize, Deserialize)]
struct DistroRow {
    id: String,
    version_id: Option<String>,
    pretty_name: Option<String>,
    ecosystem: Option<Ecosystem>,
}

impl<'a> ScanRow<'a> {
    pub(crate) fn of(scan: &'a Scan) -> Self {
        let before = std::iter::once(0).chain(scan.packages.iter().map(PackageId::number));
        let distances = scan.packages.iter().zip(before).map(|(id, before)| id.number().wrapping_sub(before));
        let problem = |problem: &Problem| (problem.code, problem.path.clone(), problem.detail.clone());
        ScanRow {
            at: scan.at.as_millis(),
            packages: distances.collect(),
            layers: scan.layers.iter().map(|diff_id| DigestText(Cow::Borrowed(&**diff_id))).collect(),
            distro: scan.distro.as_ref().map(DistroRow::of),
            problems: scan.problems.iter().map(problem).collect(),
            problem_count: scan.problem_count,
            extractor_set: scan.extractor_set.clone(),
            engine: Arc::clone(&scan.engine),
            fetched_from: Arc::clone(&scan.fetched_from),
        }
    }

    pub(crate) fn scan(self, known: &mut Known) -> Scan {
        let numbers = self.packages.into_iter().scan(0_u32, |number, distance| {
            *number = number.wrapping_add(distance);
            Some(PackageId::new(*number))
        });
        let problem = |(code, path, detail)| Problem { code, path, detail };
        Scan {
            at: Timestamp::from_millis(self.at),
            packages: numbers.collect(),
            layers: self.layers.into_iter().map(|diff_id| known.digest(diff_id.0.into_owned())).collect(),
            distro: self.distro.map(DistroRow::distro),
            problems: self.problems.into_iter().map(problem).collect(),
            problem_count: self.problem_count,
            extractor_set: self.extractor_set,
            engine: known.shared.text(&self.engine),
            fetched_from: known.shared.text(&self.fetched_from),
        }
    }
}

impl DistroRow {
    fn of(distro: &Distro) -> Self {
        let Distro { id, version_id, pretty_name, ecosystem } = distro.clone();
        DistroRow { id, version_id, pretty_name, ecosystem }
    }

    fn distro(self) -> Distro {
        let DistroRow { id, version_id, pretty_name, ecosystem } = self;
        Distro { id, version_id, pretty_name, ecosystem }
    }
}
