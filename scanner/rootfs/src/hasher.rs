//! SHA-256 beside the reading: on a thread of its own, so that decompression need not wait.

use api_vocab::{Algorithm, ContentHash, Digest};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Pieces that exist at once: one that is read, the others hashed or waiting for it.
const PIECES: usize = 4;

/// A buffer that reader and hasher look at together; whoever holds it alone may write.
pub(crate) type Piece = Arc<Box<[u8]>>;

/// The hash of what has been handed over so far.
pub(crate) enum Hasher {
    /// Small layers, and machines that allow no thread.
    Here(ContentHash),
    Beside(Beside),
}

/// The thread's door.
pub(crate) struct Beside {
    pieces: SyncSender<(Piece, usize)>,
    /// One for each piece that was let go.
    done: Receiver<()>,
    waiting: VecDeque<Piece>,
    thread: JoinHandle<ContentHash>,
}

/// A piece of `size` bytes.
pub(crate) fn new_piece(size: usize) -> Piece {
    Arc::new(vec![0; size].into_boxed_slice())
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Hasher::Here(ContentHash::new(Algorithm::Sha256))
    }

    /// Goes on beside the caller from here on.
    pub(crate) fn step_aside(&mut self) {
        if let Hasher::Here(hash) = self
            && let Some(beside) = Beside::start(hash.clone())
        {
            *self = Hasher::Beside(beside);
        }
    }

    /// Hashes the first `len` bytes of `piece`, now or soon.
    pub(crate) fn update(&mut self, piece: &Piece, len: usize) {
        match self {
            Hasher::Here(hash) => hash.update(piece.get(..len).unwrap_or_default()),
            // A thread that is gone leaves no hash behind, see `finish`.
            Hasher::Beside(beside) => drop(beside.pieces.send((Arc::clone(piece), len))),
        }
    }

    /// Exchanges a piece that was read for one that may be written.
    pub(crate) fn exchange(&mut self, piece: &mut Piece) {
        if let Hasher::Beside(beside) = self {
            beside.exchange(piece);
        }
    }

    /// The hash; `None` if the thread has died.
    pub(crate) fn finish(self) -> Option<Digest> {
        let hash = match self {
            Hasher::Here(hash) => hash,
            Hasher::Beside(Beside { pieces, thread, .. }) => {
                drop(pieces);
                thread.join().ok()?
            }
        };
        Some(hash.finish())
    }
}

impl Beside {
    fn start(hash: ContentHash) -> Option<Self> {
        let (pieces, arriving) = sync_channel(PIECES);
        let (finished, done) = sync_channel(PIECES + 1);
        let work = move || hash_all(hash, &arriving, &finished);
        let thread = Builder::new().name("layer-hash".to_owned()).spawn(work).ok()?;
        Some(Beside { pieces, done, waiting: VecDeque::new(), thread })
    }

    fn exchange(&mut self, piece: &mut Piece) {
        let size = piece.len();
        self.waiting.push_back(std::mem::replace(piece, new_piece(0)));
        let next = if self.waiting.len() < PIECES { None } else { self.waiting.pop_front() };
        *piece = next.unwrap_or_else(|| new_piece(size));
        // Pieces are let go in the order in which they were handed over.
        while Arc::get_mut(piece).is_none() {
            if self.done.recv().is_err() {
                *piece = new_piece(size);
            }
        }
    }
}

fn hash_all(
    mut hash: ContentHash,
    arriving: &Receiver<(Piece, usize)>,
    finished: &SyncSender<()>,
) -> ContentHash {
    for (piece, len) in arriving {
        hash.update(piece.get(..len).unwrap_or_default());
        drop(piece);
        // Nobody waits where there is no room for another word of it.
        let _ = finished.try_send(());
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(pieces: u8, aside: bool) -> Digest {
        let mut hasher = Hasher::new();
        let mut piece = new_piece(1000);
        for value in 0..pieces {
            if aside && value == 1 {
                hasher.step_aside();
            }
            hasher.exchange(&mut piece);
            Arc::get_mut(&mut piece).unwrap().fill(value);
            hasher.update(&piece, 999);
        }
        hasher.finish().unwrap()
    }

    #[test]
    fn hash_beside_is_the_same() {
        for pieces in [0, 1, 2, 3, 4, 5, 200] {
            assert_eq!(hash(pieces, true), hash(pieces, false), "{pieces}");
        }
    }
}
