//! Making an index of records.

use super::advisory::encode;
use super::codec::Writer;
use super::error::IndexError;
use super::layout::{Body, Index, Row, assemble};
use super::summary::{FamilyCount, Summary};
use crate::feed::Imported;
use crate::key::{FNV_START, PackageKey, fnv};
use crate::record::{Advisory, Record};
use crate::severity::Score;
use api_vocab::{Family, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Collects records and makes an index of them. Of records with one id the one modified last
/// counts, in whatever order they come.
pub struct IndexBuilder {
    origin: Box<str>,
    only: Option<FxHashSet<Family>>,
    records: FxHashMap<Box<str>, Kept>,
    keys: FxHashMap<PackageKey, u32>,
    scores: FxHashMap<Box<str>, Score>,
}

/// A record as it waits: withdrawn ones affect nothing.
struct Kept {
    advisory: Advisory,
    affected: Vec<(u32, Box<[u8]>)>,
}

/// An entry of a block: where the record stands, a fingerprint of it, the package's part.
struct BlockEntry<'a> {
    record: u64,
    fingerprint: u64,
    body: &'a [u8],
}

impl IndexBuilder {
    /// A builder of an index that comes from `origin` (`builtin`, or where the feeds are).
    pub fn new(origin: &str) -> Self {
        IndexBuilder {
            origin: origin.chars().take(500).collect::<String>().into(),
            only: None,
            records: FxHashMap::default(),
            keys: FxHashMap::default(),
            scores: FxHashMap::default(),
        }
    }

    /// Keep advisories of these families only.
    pub fn only(self, families: impl IntoIterator<Item = Family>) -> Self {
        IndexBuilder { only: Some(families.into_iter().collect()), ..self }
    }

    /// Read one record; `name` is what it is called in complaints.
    pub fn import_record(&mut self, name: &str, json: &[u8], imported: &mut Imported) {
        match Record::parse(json) {
            Err(reason) => imported.complain(name, reason),
            Ok(record) => {
                imported.records += 1;
                imported.withdrawn += u64::from(record.is_withdrawn);
                imported.unknown_ecosystems += record.unknown_ecosystems;
                if !record.complaints.is_empty() {
                    imported.complain(name, record.complaints.join("; "));
                }
                self.add(record);
            }
        }
    }

    fn add(&mut self, record: Record) {
        let Record { advisory, affected, is_withdrawn, .. } = record;
        if !is_withdrawn {
            self.keep_score(&advisory);
        }
        let known = self.records.get(&advisory.id).map(|kept| kept.advisory.modified);
        if known.is_some_and(|modified| modified > advisory.modified) {
            return;
        }
        let mut ours = Vec::new();
        for affected in affected {
            if self.only.as_ref().is_none_or(|only| only.contains(&affected.key.family())) {
                ours.push((self.number_of(affected.key), affected.body));
            }
        }
        self.records.insert(advisory.id.clone(), Kept { advisory, affected: ours });
    }

    fn number_of(&mut self, key: PackageKey) -> u32 {
        let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        *self.keys.entry(key).or_insert(next)
    }

    /// A record about one vulnerability lends its score to the others about it.
    fn keep_score(&mut self, advisory: &Advisory) {
        let Some(score) = advisory.score.as_ref().filter(|_| advisory.covers.is_empty()) else { return };
        for id in std::iter::once(&advisory.id).chain(&advisory.aliases) {
            if id.starts_with("CVE-") || id.starts_with("GHSA-") {
                let better = match self.scores.remove(id) {
                    Some(known) => known.better(score.clone()),
                    None => score.clone(),
                };
                self.scores.insert(id.clone(), better);
            }
        }
    }

    /// Make the index in memory.
    pub fn build(self, built_at: Timestamp) -> Result<Index, IndexError> {
        Index::from_bytes(self.into_bytes(built_at)?, "in memory")
    }

    /// Make the index, let it take the place of the file at `path`, and open it. What stood there
    /// stays until the new one is whole and on disk.
    pub fn write(self, path: &Path, built_at: Timestamp) -> Result<Index, IndexError> {
        let bytes = self.into_bytes(built_at)?;
        replace(path, &bytes).map_err(|cause| IndexError::Write { path: path.to_owned(), cause })?;
        Index::open(path)
    }

    fn into_bytes(self, built_at: Timestamp) -> Result<Vec<u8>, IndexError> {
        let mut kept: Vec<&Kept> = self.records.values().filter(|kept| !kept.affected.is_empty()).collect();
        kept.sort_by(|a, b| a.advisory.id.cmp(&b.advisory.id));
        let mut records = Writer::default();
        let mut blocks: Vec<Vec<BlockEntry<'_>>> = Vec::new();
        blocks.resize_with(self.keys.len(), Vec::new);
        for kept in &kept {
            let record = records.len() as u64;
            let (content, modified) = encode(&kept.advisory, |id| self.scores.get(id).cloned());
            let fingerprint = fnv(FNV_START, &content);
            records.bytes(&content);
            records.bytes(&modified);
            for (key, body) in &kept.affected {
                if let Some(block) = blocks.get_mut(*key as usize) {
                    block.push(BlockEntry { record, fingerprint, body });
                }
            }
        }
        let (blocks, rows) = encode_blocks(&self.keys, &blocks)?;
        let summary = summary_of(&self.origin, built_at, &kept, &self.keys);
        assemble(&summary, &Body { records: records.as_bytes(), blocks: &blocks, rows: &rows })
    }
}

/// Blocks in the order of their keys, so that the same records always make the same bytes.
fn encode_blocks(
    keys: &FxHashMap<PackageKey, u32>,
    entries: &[Vec<BlockEntry<'_>>],
) -> Result<(Vec<u8>, Vec<Row>), IndexError> {
    let mut sorted: Vec<(&PackageKey, u32)> = keys.iter().map(|(key, number)| (key, *number)).collect();
    sorted.sort();
    let (mut blocks, mut rows) = (Writer::default(), Vec::with_capacity(sorted.len()));
    for (key, number) in sorted {
        let Some(entries) = entries.get(number as usize).filter(|entries| !entries.is_empty()) else {
            continue;
        };
        let block = u32::try_from(blocks.len()).map_err(|_| IndexError::TooLarge)?;
        let fingerprint = encode_block(&mut blocks, key, entries);
        rows.push(Row { hash: key.as_ref().hash(), fingerprint, block });
    }
    rows.sort_by_key(|row| (row.hash, row.block));
    Ok((blocks.into_bytes(), rows))
}

fn encode_block(blocks: &mut Writer, key: &PackageKey, entries: &[BlockEntry<'_>]) -> u64 {
    blocks.text(key.family().as_str());
    blocks.text(key.release());
    blocks.text(key.name());
    blocks.number(entries.len() as u64);
    let mut fingerprint = FNV_START;
    for entry in entries {
        blocks.number(entry.record);
        blocks.number(entry.body.len() as u64);
        blocks.bytes(entry.body);
        fingerprint = fnv(fingerprint, &entry.fingerprint.to_le_bytes());
        fingerprint = fnv(fingerprint, entry.body);
    }
    fingerprint
}

fn summary_of(
    origin: &str,
    built_at: Timestamp,
    kept: &[&Kept],
    keys: &FxHashMap<PackageKey, u32>,
) -> Summary {
    let mut family_of = vec![None; keys.len()];
    for (key, number) in keys {
        if let Some(family) = family_of.get_mut(*number as usize) {
            *family = Some(key.family());
        }
    }
    let mut counts: BTreeMap<Family, FamilyCount> = BTreeMap::new();
    for kept in kept {
        let mut families: Vec<Family> = (kept.affected.iter())
            .filter_map(|(key, _)| family_of.get(*key as usize).copied().flatten())
            .collect();
        families.sort();
        families.dedup();
        for family in families {
            let count = counts.entry(family).or_insert(FamilyCount { family, advisories: 0, newest: None });
            count.advisories += 1;
            count.newest = count.newest.max(kept.advisory.modified);
        }
    }
    Summary {
        origin: origin.into(),
        built_at,
        advisories: kept.len() as u64,
        families: counts.into_values().collect(),
    }
}

/// Write beside, sync, rename, sync the folder.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
