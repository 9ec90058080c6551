//! Images in files: docker-archive and OCI archive, plain or compressed; OCI layout directories.

use super::channel::{blocking, bytes_of, layers_of};
use super::layout::Layout;
use super::{OpenImage, Store};
use crate::error::ReadError;
use crate::image::choose::choose;
use crate::image::find::find_images;
use crate::image::{Shelf, StoredImage};
use crate::tarball::pass::{Documents, Known, read_archive};
use crate::tarball::seek::{SeekArchive, open_file};
use crate::tarball::send::{Origin, Outgoing, Sink, send_layer};
use api_vocab::Digest;
use api_wire::fetcher::{ResolveRequest, StoreHealth};
use api_wire::image_source::{ByteStream, LayerStream};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Take};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A zstd frame that wants a larger window than 128 MiB is refused.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Bytes of a compressed archive for each byte of its file; gzip cannot make as many.
const MAX_RATIO: u64 = 2000;
/// Bytes that no ratio forbids.
const RATIO_FLOOR: u64 = 1 << 30;

/// A file or folder that holds one image, or several.
#[derive(Debug, Clone)]
pub struct ArchiveStore {
    path: PathBuf,
}

impl ArchiveStore {
    /// The images at `path`; what they are is found out when they are asked for.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        ArchiveStore { path: path.into() }
    }
}

impl Store for ArchiveStore {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<Arc<dyn OpenImage>, ReadError>> {
        let (path, request) = (self.path.clone(), request.clone());
        let open = move || Ok(Arc::new(OpenArchive::open(path, &request)?) as Arc<dyn OpenImage>);
        blocking(open).boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<Digest>, ReadError>> {
        let path = self.path.clone();
        blocking(move || {
            let (_, images) = Place::open(&path)?;
            let digests = images.into_iter().flat_map(|image| {
                [image.identity.config, image.identity.manifest, image.identity.index].into_iter().flatten()
            });
            Ok(digests.collect())
        })
        .boxed()
    }

    fn health(&self) -> BoxFuture<'_, StoreHealth> {
        let found = std::fs::metadata(&self.path);
        let reason = found.err().map(|error| format!("{}: {error}", self.path.display()));
        let reachable = reason.is_none();
        let health = StoreHealth { kind: "archive".to_owned(), source: None, reachable, reason };
        std::future::ready(health).boxed()
    }
}

/// What stands at the path.
enum Place {
    Layout(Layout),
    Plain(SeekArchive),
    /// Read from start to end each time.
    Compressed(PathBuf, Documents),
}

impl Place {
    fn open(path: &Path) -> Result<(Self, Vec<StoredImage>), ReadError> {
        let mut place = Place::find(path)?;
        let images = find_images(place.shelf())?;
        if let Place::Compressed(_, documents) = &mut place {
            documents.forget_content();
        }
        Ok((place, images))
    }

    fn find(path: &Path) -> Result<Self, ReadError> {
        if path.is_dir() {
            return Ok(Place::Layout(Layout::new(path)));
        }
        if !is_compressed(path)? {
            return SeekArchive::open(path).map(Place::Plain);
        }
        let outcome =
            read_archive(uncompressed(path)?, Origin::File, &Known::default(), BTreeSet::new(), &mut |_| {
                Ok(())
            })?;
        Ok(Place::Compressed(path.to_owned(), outcome.documents))
    }

    fn shelf(&self) -> &dyn Shelf {
        match self {
            Place::Layout(layout) => layout,
            Place::Plain(archive) => archive,
            Place::Compressed(_, documents) => documents,
        }
    }

    /// One layer and its size, where layers can be had singly.
    fn open_entry(&self, name: &str) -> Result<Option<Take<File>>, ReadError> {
        match self {
            Place::Layout(layout) => Ok(layout.open_blob(name)?.map(|(file, size)| file.take(size))),
            Place::Plain(archive) => archive.open_entry(name),
            Place::Compressed(..) => Ok(None),
        }
    }
}

fn is_compressed(path: &Path) -> Result<bool, ReadError> {
    Ok(matches!(magic(path)?, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd]))
}

fn magic(path: &Path) -> Result<[u8; 4], ReadError> {
    let mut magic = Vec::new();
    let read = open_file(path)?.take(4).read_to_end(&mut magic);
    read.map_err(|error| ReadError::io(format!("read {}", path.display()), error))?;
    magic.try_into().map_err(|_| ReadError::Truncated(path.display().to_string()))
}

fn uncompressed(path: &Path) -> Result<Box<dyn Read>, ReadError> {
    let failed = |error| ReadError::io(format!("read {}", path.display()), error);
    let file = open_file(path)?;
    let left = file.metadata().map_err(failed)?.len().saturating_mul(MAX_RATIO).max(RATIO_FLOOR);
    if magic(path)?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(Inflated { reader: flate2::read::MultiGzDecoder::new(file), left }));
    }
    let mut decoder = zstd::Decoder::new(file).map_err(failed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
    Ok(Box::new(Inflated { reader: decoder, left }))
}

/// What comes out of a compressed file, as long as that is no bomb.
struct Inflated<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(out)?;
        match self.left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)) {
            Some(left) => self.left = left,
            None => return Err(std::io::Error::other("it decompresses to more than 2000 times its size")),
        }
        Ok(read)
    }
}

struct OpenArchive {
    path: PathBuf,
    place: Arc<Place>,
    image: Arc<StoredImage>,
}

impl OpenArchive {
    fn open(path: PathBuf, request: &ResolveRequest) -> Result<Self, ReadError> {
        let (place, images) = Place::open(&path)?;
        let image = Arc::new(choose(images, request)?);
        Ok(OpenArchive { path, place: Arc::new(place), image })
    }
}

impl OpenImage for OpenArchive {
    fn image(&self) -> &StoredImage {
        &self.image
    }

    fn kind(&self) -> &'static str {
        match (&*self.place, &self.image.identity.manifest) {
            (Place::Layout(_), _) => "oci-layout",
            (_, Some(_)) => "oci-archive",
            (_, None) => "docker-archive",
        }
    }

    fn open_layers(&self, wanted: BTreeSet<Digest>) -> LayerStream {
        let (place, image) = (Arc::clone(&self.place), Arc::clone(&self.image));
        layers_of(move |sink| match &*place {
            Place::Compressed(path, documents) => send_in_one_pass(path, documents, &image, wanted, sink),
            _ => send_by_name(&place, &image, wanted, sink),
        })
    }

    fn open_archive(&self) -> BoxFuture<'_, Result<ByteStream, ReadError>> {
        let opened = match &*self.place {
            Place::Layout(_) => {
                Err(ReadError::Unsupported("a layout folder, which is already readable as it is,".to_owned()))
            }
            _ => open_file(&self.path).map(bytes_of),
        };
        std::future::ready(opened).boxed()
    }
}

fn send_by_name(
    place: &Place,
    image: &StoredImage,
    mut wanted: BTreeSet<Digest>,
    sink: Sink<'_>,
) -> Result<(), ReadError> {
    for layer in &image.layers {
        if !wanted.remove(&layer.diff_id) {
            continue;
        }
        let missing = || ReadError::NotFound(format!("layer {}", layer.name));
        let mut reader = place.open_entry(&layer.name)?.ok_or_else(missing)?;
        let size = reader.limit();
        let (diff_id, digest) = (&layer.diff_id, layer.digest.as_ref());
        let outgoing = Outgoing { name: &layer.name, diff_id, digest, size, origin: Origin::File };
        send_layer(&mut reader, &outgoing, sink)?;
    }
    refuse_missing(&wanted)
}

fn send_in_one_pass(
    path: &Path,
    documents: &Documents,
    image: &StoredImage,
    wanted: BTreeSet<Digest>,
    sink: Sink<'_>,
) -> Result<(), ReadError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let known = Known::by_names(image, documents);
    let outcome = read_archive(uncompressed(path)?, Origin::File, &known, wanted, sink)?;
    refuse_missing(&outcome.missing)
}

fn refuse_missing(missing: &BTreeSet<Digest>) -> Result<(), ReadError> {
    missing.first().map_or(Ok(()), |first| Err(ReadError::NotFound(format!("layer {first}"))))
}
