//! The image-fetcher: several stores behind one door, and the handles of resolved images.

use crate::error::ReadError;
use crate::stores::{OpenImage, Store};
use api_vocab::Digest;
use api_wire::error::ErrorCode;
use api_wire::fetcher::{FetchableLayer, FetcherHealth, Holds, ResolveRequest, ResolvedImage};
use api_wire::image_source::{ByteStream, FetchError, ImageSource, LayerStream};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const MAX_HANDLES: usize = 1024;
/// A handle that nobody used for so long belongs to a scanner that died.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
const MAX_WANTED: usize = 512;

/// Stores in the order they are asked, and what was resolved in them.
pub struct Fetcher {
    stores: Vec<Box<dyn Store>>,
    handles: Mutex<HashMap<String, Held>>,
}

struct Held {
    image: Arc<dyn OpenImage>,
    used: Instant,
}

impl Fetcher {
    /// A fetcher over these stores.
    pub fn new(stores: Vec<Box<dyn Store>>) -> Self {
        Fetcher { stores, handles: Mutex::default() }
    }

    /// The first store that has it; a store that failed counts before those that have not.
    async fn find(&self, request: &ResolveRequest) -> Result<Arc<dyn OpenImage>, FetchError> {
        let mut worst: Option<FetchError> = None;
        for store in &self.stores {
            match store.resolve(request).await {
                Ok(image) => return Ok(image),
                Err(error) => {
                    let error = FetchError::from(error);
                    let is_absence = error.code == ErrorCode::NotFound;
                    let is_worse = |worst: &FetchError| worst.code == ErrorCode::NotFound && !is_absence;
                    worst = if worst.as_ref().is_none_or(is_worse) { Some(error) } else { worst };
                }
            }
        }
        Err(worst.unwrap_or_else(|| ReadError::NotFound("a store of images".to_owned()).into()))
    }

    /// What all stores hold. One that does not answer does not hide the others; none is an error.
    async fn all_held(&self) -> Result<Holds, FetchError> {
        let mut digests = BTreeSet::new();
        let mut failures = Vec::new();
        let local = self.stores.iter().filter(|store| store.is_local()).count();
        for store in self.stores.iter().filter(|store| store.is_local()) {
            match store.holds().await {
                Ok(held) => digests.extend(held),
                Err(error) => failures.push(error),
            }
        }
        match failures.pop() {
            Some(failure) if failures.len() + 1 == local => Err(failure.into()),
            _ => Ok(Holds { digests: digests.into_iter().collect() }),
        }
    }

    fn keep(&self, image: &Arc<dyn OpenImage>) -> String {
        let handle = format!("{:032x}", rand::random::<u128>());
        let now = Instant::now();
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|_, held| now.duration_since(held.used) < FORGOTTEN_AFTER);
        while handles.len() >= MAX_HANDLES {
            let oldest = handles.iter().min_by_key(|(_, held)| held.used).map(|(handle, _)| handle.clone());
            oldest.and_then(|oldest| handles.remove(&oldest));
        }
        handles.insert(handle.clone(), Held { image: Arc::clone(image), used: now });
        handle
    }

    fn held(&self, handle: &str) -> Result<Arc<dyn OpenImage>, FetchError> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let held = handles
            .get_mut(handle)
            .ok_or_else(|| FetchError::new(ErrorCode::NotFound, "no such handle; resolve the image again"))?;
        held.used = Instant::now();
        Ok(Arc::clone(&held.image))
    }

    fn layers(&self, handle: &str, wanted: &[Digest]) -> Result<LayerStream, FetchError> {
        let image = self.held(handle)?;
        if wanted.len() > MAX_WANTED {
            return Err(FetchError::new(ErrorCode::Invalid, "more than 512 layers are wanted"));
        }
        let wanted: BTreeSet<Digest> = wanted.iter().cloned().collect();
        let has = |diff_id: &Digest| image.image().layers.iter().any(|layer| layer.diff_id == *diff_id);
        match wanted.iter().find(|diff_id| !has(diff_id)) {
            Some(foreign) => {
                Err(FetchError::new(ErrorCode::NotFound, format!("the image has no layer {foreign}")))
            }
            None => Ok(image.open_layers(wanted)),
        }
    }
}

fn shown(handle: String, open: &dyn OpenImage) -> ResolvedImage {
    let image = open.image();
    let layers = image.layers.iter().map(|layer| FetchableLayer {
        diff_id: layer.diff_id.clone(),
        digest: layer.digest.clone(),
        size: layer.size,
    });
    ResolvedImage {
        handle,
        identity: image.identity.clone(),
        layers: layers.collect(),
        fetched_from: open.kind().to_owned(),
        references: image.references.clone(),
    }
}

impl ImageSource for Fetcher {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<ResolvedImage, FetchError>> {
        let resolved = async {
            let image = self.find(request).await?;
            Ok(shown(self.keep(&image), &*image))
        };
        resolved.boxed()
    }

    fn open_layers<'a>(
        &'a self,
        handle: &'a str,
        wanted: &'a [Digest],
    ) -> BoxFuture<'a, Result<LayerStream, FetchError>> {
        // Layers are read by a task of their own: not before somebody waits for them.
        async { self.layers(handle, wanted) }.boxed()
    }

    fn open_archive<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<ByteStream, FetchError>> {
        async { Ok(self.held(handle)?.open_archive().await?) }.boxed()
    }

    fn release<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, ()> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).remove(handle);
        std::future::ready(()).boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Holds, FetchError>> {
        self.all_held().boxed()
    }

    fn health(&self) -> BoxFuture<'_, FetcherHealth> {
        let stores = join_all(self.stores.iter().map(|store| store.health()));
        async { FetcherHealth { stores: stores.await } }.boxed()
    }
}
