//! Sending one layer, verified on the way.

use crate::error::ReadError;
use api_vocab::{Algorithm, ContentHash, Digest};
use api_wire::fetcher::LayerStart;
use api_wire::image_source::LayerEvent;
use bytes::Bytes;
use std::io::{ErrorKind, Read};

const CHUNK: usize = 128 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Takes what is read; fails when nobody reads any more.
pub type Sink<'a> = &'a mut dyn FnMut(LayerEvent) -> Result<(), ReadError>;

/// Where bytes come from: it decides what an early end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A connection, which may be cut.
    Engine,
    /// A file, which is as it is.
    File,
}

impl Origin {
    /// `what` ended early.
    pub fn ended_early(self, what: &str) -> ReadError {
        match self {
            Origin::Engine => {
                ReadError::Interrupted { what: what.to_owned(), reason: "it ended early".to_owned() }
            }
            Origin::File => ReadError::Truncated(what.to_owned()),
        }
    }

    /// Reading `what` failed.
    pub fn failed(self, what: &str, error: std::io::Error) -> ReadError {
        match self {
            Origin::Engine => ReadError::Interrupted { what: what.to_owned(), reason: error.to_string() },
            Origin::File if error.kind() == ErrorKind::UnexpectedEof => ReadError::Truncated(what.to_owned()),
            // What is not the system's error is the decompressor's.
            Origin::File if error.raw_os_error().is_none() => ReadError::malformed(what, error),
            Origin::File => ReadError::io(format!("read {what}"), error),
        }
    }
}

/// A layer about to be sent.
pub struct Outgoing<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// The digest of the uncompressed layer.
    pub diff_id: &'a Digest,
    /// The digest of the bytes as stored, where a manifest names it.
    pub digest: Option<&'a Digest>,
    /// Its size as stored.
    pub size: u64,
    /// Where it comes from.
    pub origin: Origin,
}

/// Send the layer that `reader` holds.
///
/// # Errors
/// It ends early, cannot be read, is not what its digest says, or nobody reads any more.
pub fn send_layer(reader: &mut dyn Read, layer: &Outgoing<'_>, sink: Sink<'_>) -> Result<(), ReadError> {
    let (diff_id, size) = (layer.diff_id.clone(), layer.size);
    sink(LayerEvent::Start(LayerStart { diff_id, size, reconstructed: false }))?;
    let mut left = layer.size;
    let mut check: Option<Check<'_>> = None;
    while left > 0 {
        let chunk = read_chunk(reader, left, layer)?;
        let check = check.get_or_insert_with(|| Check::new(layer, &chunk));
        check.update(&chunk);
        left -= u64::try_from(chunk.len()).unwrap_or(left);
        sink(LayerEvent::Chunk(chunk))?;
    }
    check.unwrap_or_else(|| Check::new(layer, &[])).finish(layer.name)?;
    sink(LayerEvent::End)
}

/// The next full chunk, or the last one.
fn read_chunk(reader: &mut dyn Read, left: u64, layer: &Outgoing<'_>) -> Result<Bytes, ReadError> {
    let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
    let mut chunk = Vec::with_capacity(length);
    let limit = u64::try_from(length).unwrap_or(0);
    reader.take(limit).read_to_end(&mut chunk).map_err(|error| layer.origin.failed(layer.name, error))?;
    if chunk.len() < length {
        return Err(layer.origin.ended_early(layer.name));
    }
    Ok(chunk.into())
}

/// Compares what is sent with the digest it is called by.
pub(crate) struct Check<'a> {
    expected: Option<&'a Digest>,
    hash: ContentHash,
}

impl<'a> Check<'a> {
    /// A plain layer's digest is its diff-id; that of a compressed one is known from a manifest,
    /// and its diff-id is verified by whoever uncompresses it.
    pub(crate) fn new(layer: &Outgoing<'a>, first: &[u8]) -> Self {
        let is_plain = !first.starts_with(&GZIP) && !first.starts_with(&ZSTD);
        let expected = layer.digest.or(is_plain.then_some(layer.diff_id));
        let algorithm = expected.map_or(Algorithm::Sha256, Digest::algorithm);
        Check { expected, hash: ContentHash::new(algorithm) }
    }

    pub(crate) fn update(&mut self, chunk: &[u8]) {
        self.hash.update(chunk);
    }

    pub(crate) fn finish(self, name: &str) -> Result<(), ReadError> {
        let found = self.hash.finish();
        match self.expected {
            Some(expected) if *expected != found => {
                Err(ReadError::DigestMismatch { what: name.to_owned(), expected: expected.clone(), found })
            }
            _ => Ok(()),
        }
    }
}
