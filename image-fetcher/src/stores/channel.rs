//! From code that blocks to streams: a few chunks of room, and the work's end as the stream's end.

use crate::error::ReadError;
use api_wire::image_source::{ByteStream, FetchError, LayerEvent, LayerStream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use std::fs::File;
use std::future::Future;
use std::io::Read;
use tokio::sync::mpsc;

/// Chunks under way; with 128 KiB each, what one stream holds in memory.
const ROOM: usize = 8;
const FILE_CHUNK: usize = 128 << 10;

/// The sending end.
#[derive(Clone)]
pub(super) struct Sender<T>(mpsc::Sender<Result<T, FetchError>>);

impl<T: Send + 'static> Sender<T> {
    /// Send; waits while the reader is slow.
    pub(super) async fn send(&self, item: T) -> Result<(), ReadError> {
        self.0.send(Ok(item)).await.map_err(|_| ReadError::ReaderGone)
    }

    /// Send from code that may block.
    pub(super) fn send_blocking(&self, item: T) -> Result<(), ReadError> {
        self.0.blocking_send(Ok(item)).map_err(|_| ReadError::ReaderGone)
    }
}

/// The stream of what `work` sends; its error is the last item.
pub(super) fn stream_of<T, F, W>(work: F) -> BoxStream<'static, Result<T, FetchError>>
where
    T: Send + 'static,
    F: FnOnce(Sender<T>) -> W,
    W: Future<Output = Result<(), ReadError>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(ROOM);
    let work = work(Sender(sender.clone()));
    tokio::spawn(async move {
        match work.await {
            Ok(()) | Err(ReadError::ReaderGone) => {}
            Err(error) => {
                // Nobody may be left to hear it.
                let _ = sender.send(Err(error.into())).await;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|item| (item, receiver)) })
        .boxed()
}

/// Run code that blocks; a panic in it is an error.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(|error| Err(ReadError::Bug(format!("reading an image failed: {error}"))))
}

/// Layers that `work` sends from a thread that may block.
pub(super) fn layers_of(
    work: impl FnOnce(&mut dyn FnMut(LayerEvent) -> Result<(), ReadError>) -> Result<(), ReadError>
    + Send
    + 'static,
) -> LayerStream {
    stream_of(|sender| blocking(move || work(&mut |event| sender.send_blocking(event))))
}

/// A file's bytes.
pub(super) fn bytes_of(mut file: File) -> ByteStream {
    stream_of(|sender: Sender<Bytes>| {
        blocking(move || {
            loop {
                let mut chunk = Vec::with_capacity(FILE_CHUNK);
                let limit = u64::try_from(FILE_CHUNK).unwrap_or(0);
                let read = (&mut file).take(limit).read_to_end(&mut chunk);
                if read.map_err(|error| ReadError::io("read the archive", error))? == 0 {
                    return Ok(());
                }
                sender.send_blocking(chunk.into())?;
            }
        })
    })
}
