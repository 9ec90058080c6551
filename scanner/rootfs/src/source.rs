//! The bytes of a layer as they arrive, counted and hashed on the way.

use crate::budget::{Budget, Clock};
use api_vocab::{Algorithm, ContentHash, Digest};
use std::io::{self, BufRead, Read};
use std::time::Duration;

const BUFFER: usize = 128 << 10;

/// A buffered reader that hashes what it is given, each byte once, when it arrives.
pub(crate) struct Source<'c, R> {
    inner: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    hash: ContentHash,
    bytes: u64,
    limit: u64,
    clock: Clock<'c>,
    time: Duration,
}

impl<'c, R: Read> Source<'c, R> {
    pub(crate) fn new(inner: R, budget: &Budget, clock: Clock<'c>) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        let (limit, time) = (budget.bytes, budget.time);
        let hash = ContentHash::new(Algorithm::Sha256);
        Source { inner, buffer, at: 0, end: 0, hash, bytes: 0, limit, clock, time }
    }

    /// The first bytes, at most `wanted` of them; they stay to be read.
    pub(crate) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.end < wanted.min(BUFFER) {
            let Some(free) = self.buffer.get_mut(self.end..) else { break };
            let read = read_some(&mut self.inner, free)?;
            if read == 0 {
                break;
            }
            self.hash.update(free.get(..read).unwrap_or_default());
            self.bytes += read as u64;
            self.end += read;
        }
        Ok(self.buffer.get(..self.end.min(wanted)).unwrap_or_default())
    }

    /// Bytes that have arrived.
    pub(crate) fn size(&self) -> u64 {
        self.bytes
    }

    /// The hash of all bytes, once those that are left have been read too.
    pub(crate) fn digest(&mut self) -> io::Result<Digest> {
        loop {
            let left = self.fill_buf()?.len();
            if left == 0 {
                return Ok(self.hash.clone().finish());
            }
            self.consume(left);
        }
    }

    fn arrived(&mut self, read: usize) -> io::Result<()> {
        self.bytes += read as u64;
        if self.bytes > self.limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than a layer may be"));
        }
        // Seen here too: what arrives slowly, or says nothing once decompressed, fills no piece.
        if (self.clock)() > self.time {
            let detail = format!("not read after {} s", self.time.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, detail));
        }
        Ok(())
    }
}

/// One read that a signal does not end.
fn read_some(inner: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match inner.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A reader that claims more than it was given room for is not believed.
            result => return result.map(|read| read.min(buffer.len())),
        }
    }
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end && out.len() >= BUFFER {
            let read = read_some(&mut self.inner, out)?;
            self.hash.update(out.get(..read).unwrap_or_default());
            self.arrived(read)?;
            return Ok(read);
        }
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Source<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            let read = read_some(&mut self.inner, &mut self.buffer)?;
            self.hash.update(self.buffer.get(..read).unwrap_or_default());
            (self.at, self.end) = (0, read);
            self.arrived(read)?;
        }
        Ok(self.buffer.get(self.at..self.end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.end);
    }
}
