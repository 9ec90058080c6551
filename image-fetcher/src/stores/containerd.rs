//! A containerd: its content store over gRPC, and where it has discarded layers, what its
//! snapshotters unpacked.
//!
//! Every call lists or reads; no lease, view or label is ever made in it. Images are looked for in
//! its namespaces in the order in which they are named.

mod catalogue;
mod client;
mod messages;
mod open;

use super::channel::blocking;
use super::snapshots::{Keeping, Snapshotter, chain_ids};
use super::{OpenImage, Store};
use crate::config::ContainerdSettings;
use crate::error::ReadError;
use crate::image::choose::choose;
use crate::image::{StoredImage, StoredLayer};
use api_vocab::{Digest, ImageRef};
use api_wire::fetcher::{ResolveRequest, StoreHealth};
use api_wire::image_source::FetchError;
use catalogue::{Catalogue, Listing};
use client::{Client, Namespace};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use open::{OpenContainerdImage, Place, SnapshotPlace};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Images that are told to the core; it takes no more.
const MAX_HELD: usize = 10_000;

/// A containerd's images.
pub struct ContainerdStore {
    settings: ContainerdSettings,
    rooms: Vec<Arc<Room>>,
    client: Result<Client, String>,
}

/// One of its namespaces.
struct Room {
    name: String,
    namespace: Namespace,
    catalogue: Catalogue,
}

impl ContainerdStore {
    /// The containerd that the settings name. It need not run yet.
    pub fn new(settings: &ContainerdSettings) -> Self {
        let client = Client::new(&settings.socket);
        let rooms = match &client {
            Ok(client) => rooms(client, &settings.namespaces),
            Err(_) => Vec::new(),
        };
        let client = client.map_err(|error| error.to_string());
        ContainerdStore { settings: settings.clone(), rooms, client }
    }

    async fn find(&self, request: &ResolveRequest) -> Result<Arc<dyn OpenImage>, ReadError> {
        let mut refused = None;
        for room in &self.rooms {
            let listing = room.listing().await?;
            match chosen(listing, request) {
                Ok(image) => return self.open(room, image).await,
                Err(ReadError::NotFound(_)) => {}
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let name = request.digests.first().map(ToString::to_string).or(request.references.first().cloned());
        Err(refused.unwrap_or_else(|| ReadError::NotFound(name.unwrap_or_else(|| "an image".to_owned()))))
    }

    /// Where a blob is gone, what was unpacked of it serves.
    async fn open(&self, room: &Room, image: StoredImage) -> Result<Arc<dyn OpenImage>, ReadError> {
        let mut places = Vec::with_capacity(image.layers.len());
        for layer in &image.layers {
            places.push(room.blob_of(layer).await?);
        }
        if places.iter().any(Option::is_none) {
            let (root, namespace) = (self.settings.root.clone(), room.name.clone());
            let diff_ids: Vec<Digest> = image.layers.iter().map(|layer| layer.diff_id.clone()).collect();
            let unpacked = blocking(move || unpacked(&root, &namespace, &diff_ids)).await?;
            for (place, unpacked) in places.iter_mut().zip(unpacked) {
                *place = place.take().or(unpacked);
            }
        }
        let opened = OpenContainerdImage::new(room.namespace.clone(), image, places)?;
        Ok(Arc::new(opened))
    }

    async fn list(&self) -> Result<Vec<Digest>, ReadError> {
        let mut digests = Vec::new();
        for room in &self.rooms {
            for image in room.listing().await?.images {
                let identity = image.identity;
                digests.extend([identity.config, identity.manifest, identity.index].into_iter().flatten());
            }
        }
        digests.sort_unstable();
        digests.dedup();
        digests.truncate(MAX_HELD);
        Ok(digests)
    }

    async fn check(&self) -> StoreHealth {
        let reason = match &self.client {
            Ok(client) => client.version().await.err().map(|error| FetchError::from(error).message),
            Err(reason) => Some(reason.clone()),
        };
        StoreHealth { kind: "containerd".to_owned(), source: None, reachable: reason.is_none(), reason }
    }
}

fn rooms(client: &Client, names: &[String]) -> Vec<Arc<Room>> {
    let room = |name: &String| match client.namespace(name) {
        Ok(namespace) => {
            Some(Arc::new(Room { name: name.clone(), namespace, catalogue: Catalogue::default() }))
        }
        Err(error) => {
            tracing::error!(%error, "namespace left out");
            None
        }
    };
    names.iter().filter_map(room).collect()
}

impl Room {
    async fn listing(self: &Arc<Self>) -> Result<Listing, ReadError> {
        let (room, runtime) = (Arc::clone(self), Handle::current());
        blocking(move || room.catalogue.list(&room.namespace, &runtime)).await
    }

    /// The layer's blob, if it was kept.
    async fn blob_of(&self, layer: &StoredLayer) -> Result<Option<Place>, ReadError> {
        let Some(digest) = &layer.digest else { return Ok(None) };
        let size = self.namespace.size_of(digest).await?;
        Ok(size.map(|size| Place::Blob { digest: digest.clone(), size }))
    }
}

/// Where layers lie unpacked, bottom first, as far as a snapshotter has them: a layer is never
/// unpacked without those beneath it.
fn unpacked(root: &Path, namespace: &str, diff_ids: &[Digest]) -> Result<Vec<Option<Place>>, ReadError> {
    let chain = chain_ids(diff_ids);
    let mut most: Vec<Option<Place>> = vec![None; chain.len()];
    for snapshotter in Snapshotter::all(root) {
        let snapshots = snapshotter.snapshots(namespace)?;
        let has_some = chain.first().is_some_and(|lowest| snapshots.contains_key(lowest));
        if has_some && snapshotter.keeping == Keeping::Apart {
            snapshotter.dialect()?;
        }
        let numbered = |chain: &Digest| snapshots.get(chain).map(|number| (chain.clone(), *number));
        let mut beneath = None;
        for (place, id) in most.iter_mut().zip(&chain) {
            let Some(layer) = numbered(id) else { break };
            let (namespace, below) = (namespace.to_owned(), beneath.replace(layer.clone()));
            let found = SnapshotPlace { snapshotter: snapshotter.clone(), namespace, layer, beneath: below };
            place.get_or_insert(Place::Snapshot(found));
        }
    }
    Ok(most)
}

/// The image that is meant. Of one that is here but cannot be read, the reason is the answer.
fn chosen(listing: Listing, request: &ResolveRequest) -> Result<StoredImage, ReadError> {
    let absent = match choose(listing.images, request) {
        Err(error @ ReadError::NotFound(_)) => error,
        outcome => return outcome,
    };
    let wanted: Vec<ImageRef> = request.references.iter().filter_map(|text| text.parse().ok()).collect();
    let is_called = |names: &[String]| {
        names.iter().filter_map(|name| name.parse().ok()).any(|name| wanted.contains(&name))
    };
    let is_meant = |digest: &Digest, names: &[String]| match request.digests.is_empty() {
        true => is_called(names),
        false => request.digests.contains(digest),
    };
    let refused = listing.refused.into_iter().find(|(digest, names, _)| is_meant(digest, names));
    Err(refused.map_or(absent, |(_, _, error)| error))
}

impl Store for ContainerdStore {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<Arc<dyn OpenImage>, ReadError>> {
        self.find(request).boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<Digest>, ReadError>> {
        self.list().boxed()
    }

    fn health(&self) -> BoxFuture<'_, StoreHealth> {
        self.check().boxed()
    }
}
