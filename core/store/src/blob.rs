//! Blobs on disk: compressed.

use crate::StoreError;
use std::sync::Arc;

const LEVEL: i32 = 3;

/// `bytes`, compressed.
pub(crate) fn compress(what: &'static str, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::encode_all(bytes, LEVEL).map_err(|error| StoreError::Compression { what, source: Arc::new(error) })
}

/// What was compressed.
pub(crate) fn decompress(what: &'static str, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::decode_all(bytes).map_err(|error| StoreError::Compression { what, source: Arc::new(error) })
}
