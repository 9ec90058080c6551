//! An image of containerd, read layer by layer: as blobs, or as what was unpacked.

use super::client::Namespace;
use crate::error::ReadError;
use crate::image::{StoredImage, StoredLayer};
use crate::stores::OpenImage;
use crate::stores::channel::layers_of;
use crate::stores::snapshots::{Keeping, Snapshotter};
use crate::stores::unpacked::{Unpacked, send_unpacked};
use crate::tarball::send::{Origin, Outgoing, Sink, send_layer};
use api_vocab::Digest;
use api_wire::image_source::{ByteStream, LayerStream};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::io::{StreamReader, SyncIoBridge};

/// Where a layer's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In the content store.
    Blob {
        /// Its digest.
        digest: Digest,
        /// Its size.
        size: u64,
    },
    /// Unpacked by a snapshotter.
    Snapshot(SnapshotPlace),
}

/// A layer among a snapshotter's folders.
#[derive(Debug, Clone)]
pub(super) struct SnapshotPlace {
    /// Whose it is.
    pub(super) snapshotter: Snapshotter,
    /// The namespace it belongs to.
    pub(super) namespace: String,
    /// The layer with all beneath it, and its number.
    pub(super) layer: (Digest, u64),
    /// What lies beneath it, and its number.
    pub(super) beneath: Option<(Digest, u64)>,
}

/// An image of containerd.
pub(super) struct OpenContainerdImage {
    namespace: Namespace,
    image: StoredImage,
    places: Arc<Vec<(StoredLayer, Place)>>,
}

impl OpenContainerdImage {
    /// The image whose layers lie at these places, bottom first.
    ///
    /// # Errors
    /// A layer lies nowhere.
    pub(super) fn new(
        namespace: Namespace,
        image: StoredImage,
        places: Vec<Option<Place>>,
    ) -> Result<Self, ReadError> {
        let nowhere = |layer: &StoredLayer| {
            let diff_id = &layer.diff_id;
            ReadError::NotFound(format!(
                "layer {diff_id}: containerd has neither its blob nor an unpacked folder that can be read \
                 (of overlayfs or native, below the root that the settings name); it"
            ))
        };
        let pairs = image.layers.iter().cloned().zip(places);
        let pairs = pairs.map(|(layer, place)| match place {
            Some(place) => Ok((layer, place)),
            None => Err(nowhere(&layer)),
        });
        let places = Arc::new(pairs.collect::<Result<_, ReadError>>()?);
        Ok(OpenContainerdImage { namespace, image, places })
    }
}

impl OpenImage for OpenContainerdImage {
    fn image(&self) -> &StoredImage {
        &self.image
    }

    fn kind(&self) -> &'static str {
        let is_unpacked = self.places.iter().any(|(_, place)| matches!(place, Place::Snapshot(_)));
        if is_unpacked { "containerd-snapshot" } else { "containerd" }
    }

    fn open_layers(&self, wanted: BTreeSet<Digest>) -> LayerStream {
        let (namespace, places, runtime) =
            (self.namespace.clone(), Arc::clone(&self.places), Handle::current());
        layers_of(move |sink| send(&namespace, &places, wanted, &runtime, sink))
    }

    fn open_archive(&self) -> BoxFuture<'_, Result<ByteStream, ReadError>> {
        let refused = ReadError::Unsupported("an archive of an image in containerd".to_owned());
        std::future::ready(Err(refused)).boxed()
    }
}

fn send(
    namespace: &Namespace,
    places: &[(StoredLayer, Place)],
    mut wanted: BTreeSet<Digest>,
    runtime: &Handle,
    sink: Sink<'_>,
) -> Result<(), ReadError> {
    for (layer, place) in places {
        if !wanted.remove(&layer.diff_id) {
            continue;
        }
        match place {
            Place::Blob { digest, size } => send_blob(namespace, layer, digest, *size, runtime, sink)?,
            Place::Snapshot(snapshot) => send_snapshot(snapshot, &layer.diff_id, sink)?,
        }
    }
    Ok(())
}

fn send_blob(
    namespace: &Namespace,
    layer: &StoredLayer,
    digest: &Digest,
    size: u64,
    runtime: &Handle,
    sink: Sink<'_>,
) -> Result<(), ReadError> {
    let stream = runtime.block_on(namespace.read(digest))?;
    let mut reader = SyncIoBridge::new_with_handle(StreamReader::new(stream), runtime.clone());
    let (diff_id, origin) = (&layer.diff_id, Origin::Engine);
    let layer = Outgoing { name: &layer.name, diff_id, digest: Some(digest), size, origin };
    send_layer(&mut reader, &layer, sink)
}

/// Send what was unpacked. Whoever removes a snapshot takes it out of the database first: if it
/// still stands there in the end, nothing was missing.
fn send_snapshot(place: &SnapshotPlace, diff_id: &Digest, sink: Sink<'_>) -> Result<(), ReadError> {
    let open = |number: u64| {
        let what = format!("open unpacked layer {diff_id}");
        place.snapshotter.open(number).map_err(|error| ReadError::io(what, error))
    };
    let folder = open(place.layer.1)?;
    let unpacked = match place.snapshotter.keeping {
        Keeping::Apart => {
            let dialect = place.snapshotter.dialect()?;
            Unpacked::Upper(folder, dialect)
        }
        Keeping::Whole => {
            let beneath = place.beneath.as_ref().map(|(_, number)| open(*number)).transpose()?;
            Unpacked::Whole(folder, beneath)
        }
    };
    send_unpacked(&unpacked, diff_id, &|| place.is_there(), sink)
}

impl SnapshotPlace {
    fn is_there(&self) -> Result<bool, ReadError> {
        let now = self.snapshotter.snapshots(&self.namespace)?;
        let is_there = |(chain, number): &(Digest, u64)| now.get(chain) == Some(number);
        Ok(is_there(&self.layer) && self.beneath.as_ref().is_none_or(is_there))
    }
}
