//! From an asynchronous stream of chunks to a reader that blocks, with a little room between.

use bytes::{Buf, Bytes};
use std::io::{self, Read};
use tokio::sync::mpsc;

/// Chunks under way.
const ROOM: usize = 8;

/// A pipe: what is sent on the left is read on the right. Dropping the sender without
/// [`PipeSender::finish`] is an error to the reader, so that a cut stream never looks complete.
pub(crate) fn pipe() -> (PipeSender, PipeReader) {
    let (sender, receiver) = mpsc::channel(ROOM);
    (PipeSender(sender), PipeReader { receiver, current: Bytes::new(), is_finished: false })
}

enum Piece {
    Chunk(Bytes),
    Finished,
}

/// The sending end.
pub(crate) struct PipeSender(mpsc::Sender<Piece>);

impl PipeSender {
    /// Send a chunk; false when nobody reads any more.
    pub(crate) async fn send(&self, chunk: Bytes) -> bool {
        self.0.send(Piece::Chunk(chunk)).await.is_ok()
    }

    /// Say that this was all.
    pub(crate) async fn finish(self) {
        // A reader that has gone has read enough.
        let _ = self.0.send(Piece::Finished).await;
    }
}

/// The reading end, for a thread that may block.
pub(crate) struct PipeReader {
    receiver: mpsc::Receiver<Piece>,
    current: Bytes,
    is_finished: bool,
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            if self.is_finished || buffer.is_empty() {
                return Ok(0);
            }
            match self.receiver.blocking_recv() {
                Some(Piece::Chunk(chunk)) => self.current = chunk,
                Some(Piece::Finished) => self.is_finished = true,
                None => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the layer was cut")),
            }
        }
        let length = buffer.len().min(self.current.len());
        let (target, _) = buffer.split_at_mut(length);
        self.current.copy_to_slice(target);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn chunks_sent_are_read_in_order() {
        let (sender, mut reader) = pipe();
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        for chunk in ["a", "", "bc"] {
            assert!(sender.send(Bytes::from(chunk)).await);
        }
        sender.finish().await;
        assert_eq!(read.await.unwrap().unwrap(), "abc");
    }

    #[tokio::test]
    async fn pipe_cut_is_an_error_to_the_reader() {
        let (sender, mut reader) = pipe();
        let read = tokio::task::spawn_blocking(move || reader.read_to_end(&mut Vec::new()));
        sender.send(Bytes::from("a")).await;
        drop(sender);
        assert!(read.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn reader_gone_is_told_to_the_sender() {
        let (sender, reader) = pipe();
        drop(reader);
        assert!(!sender.send(Bytes::from("a")).await);
        sender.finish().await;
    }
}
