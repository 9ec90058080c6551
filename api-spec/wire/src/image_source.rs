//! The door to images: what a scanner asks of an image-fetcher, whether it stands behind a unix
//! socket or in the same process.

use crate::error::{ErrorBody, ErrorCode};
use crate::fetcher::{FetcherHealth, Holds, LayerStart, ResolveRequest, ResolvedImage};
use api_vocab::Digest;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use std::time::Duration;

/// A place that images are read from.
pub trait ImageSource: Send + Sync {
    /// Find an image by any of its names. The handle is good until released, or forgotten by a
    /// source that restarted: then `not_found`, and resolving again is the way.
    fn resolve<'a>(&'a self, request: &'a ResolveRequest)
    -> BoxFuture<'a, Result<ResolvedImage, FetchError>>;

    /// Read the wanted layers, each once, in whatever order they come.
    fn open_layers<'a>(
        &'a self,
        handle: &'a str,
        wanted: &'a [Digest],
    ) -> BoxFuture<'a, Result<LayerStream, FetchError>>;

    /// Read the whole image as an archive, for programs that want a file.
    fn open_archive<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<ByteStream, FetchError>>;

    /// Forget a handle; unknown ones are no error.
    fn release<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, ()>;

    /// What images are within reach without a network.
    fn holds(&self) -> BoxFuture<'_, Result<Holds, FetchError>>;

    /// Whether the stores behind it answer.
    fn health(&self) -> BoxFuture<'_, FetcherHealth>;
}

/// Layers as they come. Ends after the last wanted layer's [`LayerEvent::End`], or with an error:
/// a stream that ends otherwise was cut.
pub type LayerStream = BoxStream<'static, Result<LayerEvent, FetchError>>;

/// Bytes as they come.
pub type ByteStream = BoxStream<'static, Result<Bytes, FetchError>>;

/// One step of a [`LayerStream`]: for each layer one `Start`, its chunks, one `End`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerEvent {
    /// A layer begins.
    Start(LayerStart),
    /// The next of its bytes, as stored: plain, gzip or zstd.
    Chunk(Bytes),
    /// It is complete, and its bytes as stored have the digest that they ought to have.
    End,
}

/// Why an image could not be read: a code to act on, a message to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// What a program acts on; `not_found`: the store does not have it (now).
    pub code: ErrorCode,
    /// What a person reads.
    pub message: String,
    /// Another attempt is no use before.
    pub retry_after: Option<Duration>,
}

impl FetchError {
    /// An error of this code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        FetchError { code, message: message.into(), retry_after: None }
    }

    /// The same error, for which another attempt is no use before `wait` has passed.
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
}

impl From<ErrorBody> for FetchError {
    fn from(body: ErrorBody) -> Self {
        FetchError::new(body.code, body.message)
    }
}
