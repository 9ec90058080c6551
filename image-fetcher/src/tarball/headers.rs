//! A bound for what lies between the contents of an archive's entries: extended headers are read
//! whole into memory, and say themselves how large they are.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// The largest headers of one entry; names in an image's archive have a hundred bytes.
const LARGEST: u64 = 1 << 20;
const BLOCK: u64 = 512;

/// How far the archive may be read for now; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Bound(Rc<Cell<u64>>);

impl Bound {
    /// Allows the content of `entry`, and the headers of the next one.
    pub(super) fn pass<R: Read>(&self, entry: &tar::Entry<'_, R>) {
        let header = entry.header();
        // A file with holes is larger than what the archive holds of it.
        let size = if header.entry_type().is_gnu_sparse() { header.entry_size().ok() } else { None };
        let end = entry.raw_file_position().saturating_add(size.unwrap_or(entry.size()));
        self.0.set(end.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX).saturating_add(LARGEST));
    }
}

/// An archive that is read no further than its bound.
pub(super) struct Bounded<R> {
    reader: R,
    at: u64,
    bound: Bound,
}

impl<R> Bounded<R> {
    /// An archive from its start, and its bound: the headers of the first entry.
    pub(super) fn new(reader: R) -> (Self, Bound) {
        let bound = Bound(Rc::new(Cell::new(LARGEST)));
        (Bounded { reader, at: 0, bound: bound.clone() }, bound)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.bound.0.get().saturating_sub(self.at);
        if left == 0 && !out.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an entry's headers are over 1 MiB"));
        }
        let most = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
        let read = self.reader.read(out.get_mut(..most).unwrap_or_default())?;
        self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.reader.seek(to)?;
        Ok(self.at)
    }
}
