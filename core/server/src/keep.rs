//! The keep: inventories and past events in the store, read off the threads that serve.

use crate::convert::inventory::{inventory_from, inventory_to};
use crate::engine::EngineError;
use crate::http::refusal::{of_engine, of_store};
use api_chassis::http::HttpError;
use api_vocab::{Digest, ExtractorSet, Inventory};
use core_model::Image;
use core_store::{Notices, Store, StoreError};
use std::sync::{Arc, Weak};

/// What is in the store and not in the view; clones are the same store.
///
/// The store is the writer's, and is closed with it: whoever still serves then finds none, so that
/// it can be opened again as soon as the core has ended.
#[derive(Clone)]
pub struct Keep(Weak<dyn Store>);

impl Keep {
    /// What is in `store`.
    pub fn new(store: &Arc<dyn Store>) -> Self {
        Keep(Arc::downgrade(store))
    }

    /// The inventory of `image`.
    pub async fn inventory_of(&self, image: &Image) -> Result<Inventory, HttpError> {
        let absent = || HttpError::not_found(format!("image {} was not scanned yet", image.key));
        if image.scan.is_none() {
            return Err(absent());
        }
        let key = (*image.key).clone();
        let bytes = self.with(move |store| store.inventory(&key)).await?.ok_or_else(absent)?;
        read_inventory(&bytes).map_err(HttpError::bug)
    }

    /// What these extractors found in a layer, as it looks on the wire.
    pub async fn layer(
        &self,
        diff_id: Digest,
        extractors: ExtractorSet,
    ) -> Result<Option<Vec<u8>>, HttpError> {
        self.with(move |store| store.layer(&diff_id, &extractors)).await
    }

    /// Notices of events after `id`.
    pub async fn notices_after(&self, id: u64, limit: usize) -> Result<Notices, HttpError> {
        self.with(move |store| store.notices_after(id, limit)).await
    }

    async fn with<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, HttpError> {
        let store = self.0.upgrade().ok_or_else(|| of_engine(EngineError::Stopped))?;
        let answer = tokio::task::spawn_blocking(move || ask(&*store)).await;
        answer.map_err(HttpError::bug)?.map_err(|error| of_store(&error))
    }
}

/// An inventory as it is kept.
pub fn write_inventory(inventory: &Inventory) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&inventory_to(inventory))
}

fn read_inventory(bytes: &[u8]) -> Result<Inventory, serde_json::Error> {
    serde_json::from_slice(bytes).map(inventory_from)
}
