//! The image storage of CRI-O and Podman (containers-storage), read where it lies: overlay and vfs.
//!
//! No lock is taken, for a lock is written: the lists are replaced as a whole, so each reading of
//! one is sound, and what contradicts another is read again. Layers are kept unpacked with the
//! recipe of their archive, so what is sent is the archive itself, verified; of one without a
//! recipe, what means the same.

mod lists;
mod open;
mod split;

use super::channel::blocking;
use super::unpacked::Folder;
use super::{OpenImage, Store};
use crate::error::ReadError;
use crate::image::StoredImage;
use crate::image::choose::choose;
use api_vocab::{Digest, ImageRef};
use api_wire::fetcher::{ResolveRequest, StoreHealth};
use api_wire::image_source::FetchError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lists::{Driver, ListedImage, Lists};
use open::OpenStorageImage;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Images that are told to the core; it takes no more.
const MAX_HELD: usize = 10_000;
/// How often lists that contradict each other are read again.
const ATTEMPTS: usize = 3;

/// A storage's images.
#[derive(Debug, Clone)]
pub struct StorageStore {
    root: PathBuf,
}

impl StorageStore {
    /// The storage at `root`, as `/var/lib/containers/storage`.
    pub fn new(root: &Path) -> Self {
        StorageStore { root: root.to_owned() }
    }

    fn find(&self, request: &ResolveRequest) -> Result<OpenStorageImage, ReadError> {
        let mut attempt = 1;
        loop {
            match self.find_once(request) {
                Err(error) if error.is_passing() && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    fn find_once(&self, request: &ResolveRequest) -> Result<OpenStorageImage, ReadError> {
        let mut absent = ReadError::NotFound(format!("an image in {}", self.root.display()));
        for driver in self.drivers()? {
            let lists = Lists::read(&self.root, driver)?;
            let meant = lists.images.iter().filter(|image| is_meant(image, request));
            let images: Vec<StoredImage> = meant.map(|image| lists.open(image)).collect::<Result<_, _>>()?;
            match choose(images, request) {
                Ok(image) => return OpenStorageImage::new(&self.root, driver, image),
                Err(error @ ReadError::NotFound(_)) => absent = error,
                Err(error) => return Err(error),
            }
        }
        Err(absent)
    }

    /// The drivers that have kept images here.
    fn drivers(&self) -> Result<Vec<Driver>, ReadError> {
        let root = Folder::open(&self.root).map_err(|error| self.unreadable(error))?;
        let mut drivers = Vec::new();
        for driver in Driver::ALL {
            let images = root.stat(driver.images().as_bytes());
            if images.map_err(|error| self.unreadable(error))?.is_some() {
                drivers.push(driver);
            }
        }
        Ok(drivers)
    }

    fn unreadable(&self, source: std::io::Error) -> ReadError {
        let root = self.root.display();
        let operation = match source.kind() {
            std::io::ErrorKind::PermissionDenied => {
                format!("read {root}; run the image-fetcher as its owner")
            }
            _ => format!("read {root}; is it there, and mounted into the image-fetcher?"),
        };
        ReadError::Unreachable { operation, source }
    }

    fn list(&self) -> Result<Vec<Digest>, ReadError> {
        let mut digests = Vec::new();
        for driver in self.drivers()? {
            let lists = Lists::read(&self.root, driver)?;
            digests.extend(lists.images.iter().flat_map(ListedImage::digests));
        }
        digests.sort_unstable();
        digests.dedup();
        digests.truncate(MAX_HELD);
        Ok(digests)
    }
}

/// Whether it may be the image that is asked for; the choice comes later.
fn is_meant(image: &ListedImage, request: &ResolveRequest) -> bool {
    if !request.digests.is_empty() {
        return image.digests().any(|digest| request.digests.contains(&digest));
    }
    let wanted = request.references.iter().filter_map(|text| text.parse::<ImageRef>().ok());
    let is_wanted = |wanted: ImageRef| match wanted.digest() {
        Some(digest) => image.digests().any(|known| known == *digest),
        None => image.names.iter().filter_map(|name| name.parse().ok()).any(|name: ImageRef| name == wanted),
    };
    request.references.is_empty() || wanted.into_iter().any(is_wanted)
}

impl Store for StorageStore {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<Arc<dyn OpenImage>, ReadError>> {
        let (store, request) = (self.clone(), request.clone());
        blocking(move || Ok(Arc::new(store.find(&request)?) as Arc<dyn OpenImage>)).boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<Digest>, ReadError>> {
        let store = self.clone();
        blocking(move || store.list()).boxed()
    }

    fn health(&self) -> BoxFuture<'_, StoreHealth> {
        let store = self.clone();
        async {
            let checked = blocking(move || store.drivers()).await;
            let reason = checked.err().map(|error| FetchError::from(error).message);
            let kind = "containers-storage".to_owned();
            StoreHealth { kind, source: None, reachable: reason.is_none(), reason }
        }
        .boxed()
    }
}
