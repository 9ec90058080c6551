//! The bytes of a layer after decompression: in large pieces, hashed, within the budget.

use crate::budget::{Budget, Clock};
use crate::decoder::Decoder;
use crate::failure::Failure;
use crate::hasher::{Hasher, Piece, new_piece};
use crate::source::Source;
use api_vocab::{Digest, ProblemCode};
use std::io::Read;
use std::sync::Arc;

/// A multiple of [`BLOCK`]: as every piece but the last is full, no block lies in two.
const PIECE: usize = 256 << 10;
/// What archives are made of.
pub(crate) const BLOCK: usize = 512;

/// A decompressed stream with a window on the piece at hand.
pub(crate) struct Stream<'c, R: Read> {
    decoder: Decoder<'c, R>,
    budget: Budget,
    clock: Clock<'c>,
    piece: Piece,
    at: usize,
    end: usize,
    /// Absent where the source's own hash is the same.
    hash: Option<Hasher>,
    bytes: u64,
    /// Zeros that were read out of holes.
    made_up: u64,
    failure: Option<Failure>,
    ended: bool,
}

impl<'c, R: Read> Stream<'c, R> {
    pub(crate) fn open(source: R, budget: Budget, clock: Clock<'c>) -> Self {
        let (decoder, failure) = Decoder::open(Source::new(source, &budget, clock), budget.window_log);
        let hash = (!decoder.is_plain()).then(Hasher::new);
        Stream {
            decoder,
            budget,
            clock,
            piece: new_piece(PIECE),
            at: 0,
            end: 0,
            hash,
            bytes: 0,
            made_up: 0,
            failure,
            ended: false,
        }
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The next block; `None` at the end. A last piece of a block is a failure.
    pub(crate) fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Failure> {
        let window = self.window()?;
        if window.is_empty() {
            return Ok(None);
        }
        let block = window.first_chunk::<BLOCK>().copied().ok_or_else(Failure::truncated)?;
        self.consume(BLOCK);
        Ok(Some(block))
    }

    /// Passes over `count` bytes.
    pub(crate) fn skip(&mut self, mut count: u64) -> Result<(), Failure> {
        while count > 0 {
            let have = self.window()?.len();
            if have == 0 {
                return Err(Failure::truncated());
            }
            let step = usize::try_from(count).map_or(have, |count| count.min(have));
            self.consume(step);
            count -= step as u64;
        }
        Ok(())
    }

    /// The bytes at hand, from the next piece if there are none; empty at the end.
    pub(crate) fn window(&mut self) -> Result<&[u8], Failure> {
        if self.at == self.end {
            self.refill()?;
        }
        Ok(self.piece.get(self.at..self.end).unwrap_or_default())
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.end);
    }

    fn refill(&mut self) -> Result<(), Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.ended {
            return Ok(());
        }
        self.make_room();
        let filled = self.fill();
        if let Some(hash) = &mut self.hash {
            hash.update(&self.piece, self.end);
        }
        self.bytes += self.end as u64;
        // What arrived before a failure is still read.
        self.failure = filled.and_then(|()| self.check_budget(self.bytes)).err();
        match &self.failure {
            Some(failure) if self.end == 0 => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// A second piece is worth a thread.
    fn make_room(&mut self) {
        (self.at, self.end) = (0, 0);
        if let Some(hash) = &mut self.hash {
            if self.bytes == PIECE as u64 {
                hash.step_aside();
            }
            hash.exchange(&mut self.piece);
        }
    }

    /// Fills the piece to its end, or to the stream's.
    fn fill(&mut self) -> Result<(), Failure> {
        // Never so: nobody else holds a piece in which there is room.
        let held = || Failure::new(ProblemCode::Malformed, "a piece is still being hashed");
        let piece = Arc::get_mut(&mut self.piece).ok_or_else(held)?;
        while let Some(free) = piece.get_mut(self.end..).filter(|free| !free.is_empty()) {
            match self.decoder.read(free) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.end += read,
                Err(error) => return Err(Failure::of(&error)),
            }
        }
        Ok(())
    }

    /// Takes `count` zeros out of a hole: they count as what comes out of a compressed layer, but
    /// too many are no reason not to read on.
    pub(crate) fn make_up(&mut self, count: u64) -> Result<(), Failure> {
        self.made_up = self.made_up.saturating_add(count);
        self.check_budget(self.bytes.saturating_add(self.made_up))
    }

    fn check_budget(&mut self, bytes: u64) -> Result<(), Failure> {
        if bytes > self.budget.bytes {
            let detail = format!("more than {} bytes", self.budget.bytes);
            return Err(Failure::new(ProblemCode::TooLarge, detail));
        }
        if (self.clock)() > self.budget.time {
            let detail = format!("not read after {} s", self.budget.time.as_secs());
            return Err(Failure::new(ProblemCode::TimeExceeded, detail));
        }
        let before = self.decoder.source().map_or(0, |source| source.size());
        if bytes > self.budget.ratio_floor && bytes / self.budget.ratio.max(1) > before {
            let detail = format!("decompresses to more than {} times its size", self.budget.ratio);
            return Err(Failure::new(ProblemCode::TooLarge, detail));
        }
        Ok(())
    }

    /// Reads to the end. Bytes other than zero on the way mean that something follows the archive.
    pub(crate) fn drain(&mut self) -> Result<Rest, Failure> {
        let mut rest = Rest::Empty;
        loop {
            let window = self.window()?;
            let have = window.len();
            if have == 0 {
                return Ok(rest);
            }
            if rest == Rest::Empty && !is_zero(window) {
                rest = Rest::Bytes;
            }
            self.consume(have);
        }
    }

    /// The hashes and sizes of a stream that was drained.
    pub(crate) fn totals(mut self) -> Totals {
        let whole = self.ended && self.failure.is_none();
        let decompressed = self.hash.take().filter(|_| whole).and_then(Hasher::finish);
        let timed_out = self.failure.as_ref().is_some_and(|f| f.code == ProblemCode::TimeExceeded);
        let plain = self.decoder.is_plain();
        let source = self.decoder.source().filter(|_| !timed_out);
        let (compressed, size) = match source {
            Some(source) => (source.digest().ok(), source.size()),
            None => (None, 0),
        };
        let diff_id = if plain { compressed.clone().filter(|_| whole) } else { decompressed };
        Totals { diff_id, digest: compressed, bytes: self.bytes, stored_bytes: size }
    }
}

/// What follows the end of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing, or zeros.
    Empty,
    /// Something.
    Bytes,
}

/// Hashes and sizes of a layer.
pub(crate) struct Totals {
    pub(crate) diff_id: Option<Digest>,
    pub(crate) digest: Option<Digest>,
    pub(crate) bytes: u64,
    pub(crate) stored_bytes: u64,
}

/// Whether there is nothing but zeros.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
}
