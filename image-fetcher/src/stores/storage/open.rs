//! An image of a storage, read layer by layer.

use super::lists::{Driver, Lists, has_layer, plain};
use super::split::SplitReader;
use crate::error::ReadError;
use crate::image::{StoredImage, StoredLayer};
use crate::stores::OpenImage;
use crate::stores::channel::layers_of;
use crate::stores::unpacked::{Dialect, Folder, Unpacked, send_unpacked};
use crate::tarball::send::{Origin, Outgoing, Sink, send_layer};
use api_vocab::Digest;
use api_wire::image_source::{ByteStream, LayerStream};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// An image of a storage.
pub(super) struct OpenStorageImage {
    place: Place,
    image: StoredImage,
}

/// Where its layers lie.
#[derive(Debug, Clone)]
struct Place {
    root: PathBuf,
    driver: Driver,
}

impl OpenStorageImage {
    /// The image whose layers `driver` keeps below `root`.
    ///
    /// # Errors
    /// A layer's id cannot be one.
    pub(super) fn new(root: &Path, driver: Driver, image: StoredImage) -> Result<Self, ReadError> {
        for layer in &image.layers {
            plain(&layer.name).map_err(|error| ReadError::malformed("layers.json", error))?;
        }
        Ok(OpenStorageImage { place: Place { root: root.to_owned(), driver }, image })
    }
}

impl OpenImage for OpenStorageImage {
    fn image(&self) -> &StoredImage {
        &self.image
    }

    fn kind(&self) -> &'static str {
        "containers-storage"
    }

    fn open_layers(&self, wanted: BTreeSet<Digest>) -> LayerStream {
        let (place, layers) = (self.place.clone(), self.image.layers.clone());
        layers_of(move |sink| place.send(&layers, wanted, sink))
    }

    fn open_archive(&self) -> BoxFuture<'_, Result<ByteStream, ReadError>> {
        let refused = ReadError::Unsupported("an archive of an image in containers-storage".to_owned());
        std::future::ready(Err(refused)).boxed()
    }
}

impl Place {
    fn send(
        &self,
        layers: &[StoredLayer],
        mut wanted: BTreeSet<Digest>,
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        for layer in layers.iter().filter(|layer| wanted.remove(&layer.diff_id)) {
            let failed = |error| ReadError::io(format!("open layer {}", layer.name), error);
            match (self.open_recipe(&layer.name).map_err(failed)?, layer.size) {
                (Some(recipe), Some(size)) => self.send_by_recipe(layer, recipe, size, sink)?,
                _ => self.send_reconstructed(layer, sink)?,
            }
        }
        Ok(())
    }

    fn send_by_recipe(
        &self,
        layer: &StoredLayer,
        recipe: File,
        size: u64,
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let folder = self.open(&layer.name).map_err(|error| unopened(layer, error))?;
        let mut reader = SplitReader::new(recipe, folder);
        let diff_id = &layer.diff_id;
        let outgoing = Outgoing { name: &layer.name, diff_id, digest: None, size, origin: Origin::File };
        send_layer(&mut reader, &outgoing, sink)
    }

    fn send_reconstructed(&self, layer: &StoredLayer, sink: Sink<'_>) -> Result<(), ReadError> {
        let failed = |error| unopened(layer, error);
        let folder = self.open(&layer.name).map_err(failed)?;
        let unpacked = match self.driver {
            Driver::Overlay => {
                let root = Folder::open(&self.root).map_err(failed)?;
                Unpacked::Upper(folder, Dialect::of(&root).map_err(failed)?)
            }
            Driver::Vfs => {
                let lists = Lists::read(&self.root, self.driver)?;
                let beneath = lists.parent_of(&layer.name).map(|parent| self.open(parent));
                Unpacked::Whole(folder, beneath.transpose().map_err(failed)?)
            }
        };
        // Whoever removes a layer says so in the list first.
        let is_there = || has_layer(&self.root, self.driver, &layer.name);
        send_unpacked(&unpacked, &layer.diff_id, &is_there, sink)
    }

    /// The folder of what a layer holds.
    fn open(&self, id: &str) -> io::Result<Folder> {
        // Podman mounts the driver's folder upon itself.
        match self.driver {
            Driver::Overlay => {
                let layer = Folder::open(&self.root.join("overlay"))?.open_folder(plain(id)?.as_bytes())?;
                layer.open_folder(b"diff")
            }
            Driver::Vfs => {
                let layers = Folder::open(&self.root.join("vfs"))?.open_folder(b"dir")?;
                layers.open_folder(plain(id)?.as_bytes())
            }
        }
    }

    /// How the layer's archive is put together again, where that was kept.
    fn open_recipe(&self, id: &str) -> io::Result<Option<File>> {
        let folder = Folder::open(&self.root)?.open_folder(self.driver.layers().as_bytes())?;
        match folder.open_file(format!("{}.tar-split.gz", plain(id)?).as_bytes()) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn unopened(layer: &StoredLayer, error: io::Error) -> ReadError {
    ReadError::io(format!("open layer {}", layer.name), error)
}
