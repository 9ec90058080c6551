//! The file: header, summary, records, blocks by package, table of packages.
//!
//! ```text
//! magic 8 · format u32 · summary length u32 · body length u64 · SHA-256 of the body 32
//! summary
//! SHA-256 of all the above 32
//! body: records length u64 · blocks length u64 · records · blocks · table
//! ```
//! Numbers are little-endian. A row of the table is 20 bytes: hash of the package's key u64,
//! fingerprint of all that is said of it u64, place of its block u32; sorted by hash. A block is the
//! key and the entries; an entry names its record by place. All places are checked when they are
//! followed, and both checksums when the file is opened.

use super::error::IndexError;
use super::summary::{FamilyCount, Summary};
use api_vocab::{RevisionId, Timestamp, sha256};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"PRCPTADV";
const FORMAT: u32 = 1;
const FIXED_HEADER: usize = 56;
const CHECKSUM: usize = 32;
const ROW: usize = 20;

/// All advisories, found by package. Cheap to clone.
#[derive(Clone)]
pub struct Index {
    bytes: Arc<Bytes>,
    summary: Arc<Summary>,
    revision: RevisionId,
    records: Range<usize>,
    blocks: Range<usize>,
    table: Range<usize>,
}

enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub hash: u64,
    pub fingerprint: u64,
    pub block: u32,
}

/// The parts of a body, for writing.
pub(super) struct Body<'a> {
    pub records: &'a [u8],
    pub blocks: &'a [u8],
    pub rows: &'a [Row],
}

impl Index {
    /// Open an index file. It must never be changed in place: a new one takes its place by renaming,
    /// as [`IndexBuilder::write`](super::IndexBuilder::write) does.
    pub fn open(path: &Path) -> Result<Index, IndexError> {
        let failed = |cause| IndexError::Open { path: path.to_owned(), cause };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        // An empty file cannot be mapped.
        let bytes =
            if length == 0 { Bytes::Owned(Vec::new()) } else { Bytes::Mapped(map(&file).map_err(failed)?) };
        Index::of(bytes, &path.display().to_string())
    }

    /// An index in memory; `subject` is what it is called in complaints.
    pub fn from_bytes(bytes: Vec<u8>, subject: &str) -> Result<Index, IndexError> {
        Index::of(Bytes::Owned(bytes), subject)
    }

    /// The index as it stands in a file.
    pub fn as_bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// Identity of the advisories: the same ones have the same revision, whenever they were built.
    pub const fn revision(&self) -> &RevisionId {
        &self.revision
    }

    /// `builtin`, or where the advisories come from.
    pub fn origin(&self) -> &str {
        &self.summary.origin
    }

    /// When the index was built.
    pub fn built_at(&self) -> Timestamp {
        self.summary.built_at
    }

    /// How many advisories there are.
    pub fn advisories(&self) -> u64 {
        self.summary.advisories
    }

    /// The same by family, sorted.
    pub fn families(&self) -> &[FamilyCount] {
        &self.summary.families
    }

    /// When the newest advisory was modified.
    pub fn newest(&self) -> Option<Timestamp> {
        self.summary.families.iter().filter_map(|count| count.newest).max()
    }

    /// How many packages are named.
    pub fn packages(&self) -> usize {
        self.table.len() / ROW
    }

    fn of(bytes: Bytes, subject: &str) -> Result<Index, IndexError> {
        let damaged = |what| IndexError::Damaged { subject: subject.to_owned(), what };
        let all = bytes.as_ref();
        let header = Header::read(all, subject)?;
        let body_range = header.body.clone();
        let (head, checksum, body) =
            header.split(all).ok_or_else(|| damaged("it is shorter than it says"))?;
        if sha256(head) != checksum {
            return Err(damaged("its header does not have its checksum"));
        }
        let sum = sha256(body);
        if sum != header.body_sum {
            return Err(damaged("its body does not have its checksum"));
        }
        let summary = head.get(FIXED_HEADER..).and_then(Summary::decode);
        let summary = summary.ok_or_else(|| damaged("its summary cannot be read"))?;
        let (records, blocks, table) =
            parts_of(body, body_range.start).ok_or_else(|| damaged("its parts do not fit"))?;
        let short: String = hex::encode(sum).chars().take(32).collect();
        let revision = short.parse().map_err(|_| damaged("its revision cannot be read"))?;
        Ok(Index { bytes: Arc::new(bytes), summary: Arc::new(summary), revision, records, blocks, table })
    }

    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = Row> + '_ {
        self.part(&self.table).chunks_exact(ROW).map(Row::decode)
    }

    /// The rows with this hash: one, unless two keys have it.
    pub(super) fn rows_of(&self, hash: u64) -> impl Iterator<Item = Row> + '_ {
        let table = self.part(&self.table);
        let row = move |at: usize| table.get(at * ROW..(at + 1) * ROW).map(Row::decode);
        let (mut low, mut high) = (0, table.len() / ROW);
        while low < high {
            let middle = low + (high - low) / 2;
            match row(middle) {
                Some(row) if row.hash < hash => low = middle + 1,
                _ => high = middle,
            }
        }
        (low..).map_while(row).take_while(move |row| row.hash == hash)
    }

    pub(super) fn block(&self, at: u32) -> Option<&[u8]> {
        self.part(&self.blocks).get(usize::try_from(at).ok()?..)
    }

    pub(super) fn record(&self, at: u64) -> Option<&[u8]> {
        self.part(&self.records).get(usize::try_from(at).ok()?..)
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.as_bytes().get(range.clone()).unwrap_or_default()
    }

    /// Give back the memory that reading took; what is asked next is read from the file again.
    ///
    /// After all packages were matched most of the file is resident, and little of it is asked for
    /// again soon.
    pub fn rest(&self) {
        if let Bytes::Mapped(map) = &*self.bytes {
            give_back(map);
        }
    }
}

#[allow(unsafe_code)]
fn give_back(map: &memmap2::Mmap) {
    // SAFETY: the map is shared with a file that keeps its content (see `map`) and is never written
    // to: whoever reads it meanwhile or later finds the same bytes there. A kernel that does not
    // want the memory back keeps it, which harms nobody.
    let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("revision", &self.revision).field("summary", &self.summary).finish()
    }
}

#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the map is only read, and index files are never changed in place: they are written
    // under another name, synced and renamed, so the mapped file keeps its content until it is
    // unmapped. Whoever may write to the data directory is trusted with this process.
    unsafe { memmap2::Mmap::map(file) }
}

struct Header<'a> {
    summary_end: usize,
    body: Range<usize>,
    body_sum: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(all: &'a [u8], subject: &str) -> Result<Self, IndexError> {
        let subject = subject.to_owned();
        if all.get(..8) != Some(MAGIC) {
            return Err(IndexError::NotAnIndex { subject });
        }
        let format = u32_at(all, 8).unwrap_or(0);
        if format != FORMAT {
            return Err(IndexError::Format { subject, format, expected: FORMAT });
        }
        Header::places(all).ok_or(IndexError::Damaged { subject, what: "its header is cut short" })
    }

    fn places(all: &'a [u8]) -> Option<Self> {
        let summary_end = FIXED_HEADER.checked_add(usize::try_from(u32_at(all, 12)?).ok()?)?;
        let start = summary_end.checked_add(CHECKSUM)?;
        let end = start.checked_add(usize::try_from(u64_at(all, 16)?).ok()?)?;
        Some(Header { summary_end, body: start..end, body_sum: all.get(24..FIXED_HEADER)? })
    }

    /// Header with summary, its checksum, the body; nothing if the file is longer or shorter.
    fn split(&self, all: &'a [u8]) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let head = all.get(..self.summary_end)?;
        let checksum = all.get(self.summary_end..self.body.start)?;
        (all.len() == self.body.end).then_some((head, checksum, all.get(self.body.clone())?))
    }
}

/// Records, blocks and table, as ranges of the file.
fn parts_of(body: &[u8], start: usize) -> Option<(Range<usize>, Range<usize>, Range<usize>)> {
    let records = usize::try_from(u64_at(body, 0)?).ok()?;
    let blocks = usize::try_from(u64_at(body, 8)?).ok()?;
    let records = 16..16usize.checked_add(records)?;
    let blocks = records.end..records.end.checked_add(blocks)?;
    let table = blocks.end..body.len();
    let fits = table.start <= table.end && table.len().is_multiple_of(ROW);
    let placed = |range: Range<usize>| range.start + start..range.end + start;
    fits.then(|| (placed(records), placed(blocks), placed(table)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

impl Row {
    fn decode(bytes: &[u8]) -> Row {
        Row {
            hash: u64_at(bytes, 0).unwrap_or(0),
            fingerprint: u64_at(bytes, 8).unwrap_or(0),
            block: u32_at(bytes, 16).unwrap_or(u32::MAX),
        }
    }
}

/// A whole index as it stands in a file.
pub(super) fn assemble(summary: &Summary, body: &Body<'_>) -> Result<Vec<u8>, IndexError> {
    let length = 16 + body.records.len() + body.blocks.len() + body.rows.len() * ROW;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&(body.records.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&(body.blocks.len() as u64).to_le_bytes());
    bytes.extend_from_slice(body.records);
    bytes.extend_from_slice(body.blocks);
    for row in body.rows {
        bytes.extend_from_slice(&row.hash.to_le_bytes());
        bytes.extend_from_slice(&row.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&row.block.to_le_bytes());
    }
    let summary = summary.encode();
    let summary_length = u32::try_from(summary.len()).map_err(|_| IndexError::TooLarge)?;
    let mut header = Vec::with_capacity(FIXED_HEADER + summary.len() + CHECKSUM + bytes.len());
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&FORMAT.to_le_bytes());
    header.extend_from_slice(&summary_length.to_le_bytes());
    header.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    header.extend_from_slice(&sha256(&bytes));
    header.extend_from_slice(&summary);
    let checksum = sha256(&header);
    header.extend_from_slice(&checksum);
    header.append(&mut bytes);
    Ok(header)
}
