//! The places that images are read from, each behind the same two traits.

pub mod archive;
mod channel;
pub mod containerd;
pub mod docker;
pub mod layout;
pub mod registry;
mod snapshots;
pub mod storage;
mod unpacked;

use crate::error::ReadError;
use crate::image::StoredImage;
use api_vocab::Digest;
use api_wire::fetcher::{ResolveRequest, StoreHealth};
use api_wire::image_source::{ByteStream, LayerStream};
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A store of images: an engine, an archive, a registry.
pub trait Store: Send + Sync {
    /// Find an image by any of its names.
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<Arc<dyn OpenImage>, ReadError>>;

    /// Whether what it has lies on this machine.
    fn is_local(&self) -> bool {
        true
    }

    /// Digests of all images within reach.
    fn holds(&self) -> BoxFuture<'_, Result<Vec<Digest>, ReadError>>;

    /// Whether it answers.
    fn health(&self) -> BoxFuture<'_, StoreHealth>;
}

/// A resolved image.
pub trait OpenImage: Send + Sync {
    /// What it is made of.
    fn image(&self) -> &StoredImage;

    /// The kind of store it lies in, as `docker`.
    fn kind(&self) -> &'static str;

    /// Read the wanted layers, each once, in whatever order they come.
    fn open_layers(&self, wanted: BTreeSet<Digest>) -> LayerStream;

    /// Read the whole image as an archive.
    fn open_archive(&self) -> BoxFuture<'_, Result<ByteStream, ReadError>>;
}
