//! What an archive or layout says of its images: documents, and the choice among images.

pub mod choose;
pub mod documents;
pub mod find;
pub mod pick;

use crate::error::ReadError;
use api_vocab::Digest;
use api_wire::lease::ImageIdentity;
use bytes::Bytes;

/// The largest manifest, index or config that is read.
pub const MAX_DOCUMENT: u64 = 4 << 20;
/// The most layers an image may have.
pub const MAX_LAYERS: usize = 512;

/// A place where documents and layers lie under names: entries of an archive, files of a layout.
pub trait Shelf {
    /// The document under this name, at most [`MAX_DOCUMENT`] bytes; `None` if nothing is there.
    ///
    /// # Errors
    /// It is too large, or cannot be read.
    fn read_document(&self, name: &str) -> Result<Option<Bytes>, ReadError>;

    /// The size of what lies under this name.
    fn size_of(&self, name: &str) -> Option<u64>;
}

/// An image on a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its digests and platform.
    pub identity: ImageIdentity,
    /// Its layers, bottom first.
    pub layers: Vec<StoredLayer>,
    /// `repository:tag` names it is stored under.
    pub references: Vec<String>,
}

/// A layer on a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLayer {
    /// The digest of the uncompressed layer.
    pub diff_id: Digest,
    /// The digest of the bytes as stored, where a manifest names one.
    pub digest: Option<Digest>,
    /// The size of the bytes as stored, where known.
    pub size: Option<u64>,
    /// The name it lies under.
    pub name: String,
}

/// The name of a blob in an OCI layout.
pub fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// The digest of a blob of that name.
pub fn digest_of_blob(name: &str) -> Option<Digest> {
    let (algorithm, digits) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{digits}").parse().ok()
}
