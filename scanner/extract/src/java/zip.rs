//! The directory of a zip archive and its members, read from memory.
//!
//! Ours because it must be bounded: nothing is kept per member, so a directory of a million
//! members costs a walk and no memory. Members are found as the Java runtime finds them, through
//! the central directory at the archive's end, wherever the archive begins (a launch script may
//! precede it).

use api_vocab::ProblemCode;
use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem::rfind;

const END: &[u8] = b"PK\x05\x06";
const END_LEN: usize = 22;
const MAX_COMMENT: usize = 0xffff;
const END64_LOCATOR: &[u8] = b"PK\x06\x07";
const END64_LOCATOR_LEN: usize = 20;
const END64: &[u8] = b"PK\x06\x06";
const DIRECTORY: &[u8] = b"PK\x01\x02";
const DIRECTORY_LEN: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LEN: usize = 30;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;
const EXTRA_64: u16 = 1;
/// Deflate shrinks to a thousandth at best.
const MAX_RATIO: u64 = 1032;
const SEE_64: u32 = u32::MAX;

/// An archive whose central directory was found.
pub(super) struct Zip<'a> {
    bytes: &'a [u8],
    directory: &'a [u8],
    /// What stands before the archive, by which all its offsets are off.
    before: u64,
}

/// A member, as the central directory states it.
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    flags: u16,
    method: u16,
    compressed: u64,
    size: u64,
    offset: u64,
}

/// The content of a member: as it lies in the archive, or inflated.
pub(super) enum Content<'a> {
    Stored(&'a [u8]),
    Inflated(Vec<u8>),
}

impl std::ops::Deref for Content<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Content::Stored(bytes) => bytes,
            Content::Inflated(bytes) => bytes,
        }
    }
}

impl Entry<'_> {
    /// Whether its content lies in the archive as it is.
    pub(super) const fn is_stored(&self) -> bool {
        self.method == STORED
    }

    /// Bytes that inflating it can have made.
    pub(super) fn most_inflated(&self) -> usize {
        usize::try_from(self.size.min(self.compressed.saturating_mul(MAX_RATIO))).unwrap_or(usize::MAX)
    }
}

impl<'a> Zip<'a> {
    /// Finds the directory of the archive that ends where `bytes` end.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ProblemCode> {
        if bytes.is_empty() {
            return Err(ProblemCode::Truncated);
        }
        let tail = bytes.len().saturating_sub(END_LEN + MAX_COMMENT);
        let end = bytes.get(tail..).and_then(|tail| rfind(tail, END)).map(|at| tail + at);
        // What begins like an archive and has no directory lost its end.
        let lost = if bytes.starts_with(LOCAL) { ProblemCode::Truncated } else { ProblemCode::Malformed };
        let end = end.ok_or(lost)?;
        let (length, offset, directory_end) = extent(bytes, end).ok_or(ProblemCode::Malformed)?;
        let start = directory_end.checked_sub(length).ok_or(ProblemCode::Malformed)?;
        let before = start.checked_sub(offset).ok_or(ProblemCode::Malformed)?;
        let directory = slice(bytes, start, length).ok_or(ProblemCode::Malformed)?;
        Ok(Zip { bytes, directory, before })
    }

    /// The members, in the directory's order; the last may be a complaint that the directory
    /// cannot be read further.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry<'a>, ProblemCode>> + use<'a> {
        let mut rest = self.directory;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let Some((entry, after)) = parse_entry(rest) else {
                rest = &[];
                return Some(Err(ProblemCode::Malformed));
            };
            rest = after;
            Some(Ok(entry))
        })
    }

    /// The content of a member, at most `max` bytes.
    pub(super) fn read(&self, entry: &Entry<'_>, max: usize) -> Result<Content<'a>, ProblemCode> {
        if entry.flags & ENCRYPTED != 0 || !matches!(entry.method, STORED | DEFLATED) {
            return Err(ProblemCode::Unsupported);
        }
        let size = usize::try_from(entry.size).map_err(|_| ProblemCode::TooLarge)?;
        if size > max {
            return Err(ProblemCode::TooLarge);
        }
        let data = self.data(entry).ok_or(ProblemCode::Malformed)?;
        match entry.method {
            STORED if data.len() == size => Ok(Content::Stored(data)),
            STORED => Err(ProblemCode::Malformed),
            _ => inflate(data, size).map(Content::Inflated),
        }
    }

    /// What lies behind the member's own header.
    fn data(&self, entry: &Entry<'_>) -> Option<&'a [u8]> {
        let start = self.before.checked_add(entry.offset)?;
        let header = slice(self.bytes, start, u64::try_from(LOCAL_LEN).ok()?)?;
        if !header.starts_with(LOCAL) {
            return None;
        }
        let names = u64::from(u16_at(header, 26)?) + u64::from(u16_at(header, 28)?);
        let start = start.checked_add(u64::try_from(LOCAL_LEN).ok()?)?.checked_add(names)?;
        slice(self.bytes, start, entry.compressed)
    }
}

/// Length and offset of the directory as stated, and where it really ends.
fn extent(bytes: &[u8], end: usize) -> Option<(u64, u64, u64)> {
    let record = bytes.get(end..)?;
    let (length, offset) = (u32_at(record, 12)?, u32_at(record, 16)?);
    let locator = end.checked_sub(END64_LOCATOR_LEN).and_then(|at| bytes.get(at..end));
    let Some(locator) = locator.filter(|locator| locator.starts_with(END64_LOCATOR)) else {
        return Some((length.into(), offset.into(), u64::try_from(end).ok()?));
    };
    // The locator's own offset is wrong where something stands before the archive; the record it
    // means lies right before it, and begins with its signature.
    let before_locator = end - END64_LOCATOR_LEN;
    let stated = usize::try_from(u64_at(locator, 8)?).ok()?;
    let is_record = |at: &usize| bytes.get(*at..).is_some_and(|bytes| bytes.starts_with(END64));
    let at = [Some(stated), before_locator.checked_sub(56)].into_iter().flatten().find(is_record)?;
    let record = bytes.get(at..before_locator)?;
    Some((u64_at(record, 40)?, u64_at(record, 48)?, u64::try_from(at).ok()?))
}

fn parse_entry(directory: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (header, rest) = directory.split_at_checked(DIRECTORY_LEN)?;
    if !header.starts_with(DIRECTORY) {
        return None;
    }
    let (name, rest) = rest.split_at_checked(u16_at(header, 28)?.into())?;
    let (extra, rest) = rest.split_at_checked(u16_at(header, 30)?.into())?;
    let (_, rest) = rest.split_at_checked(u16_at(header, 32)?.into())?;
    let mut large = large_numbers(extra);
    let mut number = |at| match u32_at(header, at)? {
        SEE_64 => large.next(),
        number => Some(number.into()),
    };
    let (size, compressed, offset) = (number(24)?, number(20)?, number(42)?);
    let (flags, method) = (u16_at(header, 8)?, u16_at(header, 10)?);
    Some((Entry { name, flags, method, compressed, size, offset }, rest))
}

/// The numbers of the zip64 extra field, in its order: size, compressed size, offset.
fn large_numbers(mut extra: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mut found: &[u8] = &[];
    while let (Some(id), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some((field, rest)) = extra.get(4..).and_then(|rest| rest.split_at_checked(len.into())) else {
            break;
        };
        if id == EXTRA_64 {
            found = field;
        }
        extra = rest;
    }
    found.chunks_exact(8).filter_map(|number| u64_at(number, 0))
}

/// Exactly `size` bytes out of a deflate stream.
fn inflate(data: &[u8], size: usize) -> Result<Vec<u8>, ProblemCode> {
    // A size beyond that is a lie, not worth the memory.
    if size as u64 / MAX_RATIO > data.len() as u64 {
        return Err(ProblemCode::Malformed);
    }
    // One byte more than stated, to see a stream that goes on.
    let mut bytes = Vec::with_capacity(size + 1);
    match Decompress::new(false).decompress_vec(data, &mut bytes, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) if bytes.len() == size => Ok(bytes),
        Ok(Status::Ok | Status::BufError) if bytes.len() < size => Err(ProblemCode::Truncated),
        _ => Err(ProblemCode::Malformed),
    }
}

fn slice(bytes: &[u8], start: u64, len: u64) -> Option<&[u8]> {
    let end = usize::try_from(start.checked_add(len)?).ok()?;
    bytes.get(usize::try_from(start).ok()?..end)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
