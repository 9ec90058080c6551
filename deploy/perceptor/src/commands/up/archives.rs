//! The archives that an inventory file lists, as one store of images.

use api_vocab::Digest;
use api_wire::fetcher::{ResolveRequest, StoreHealth};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use image_fetcher::ReadError;
use image_fetcher::stores::archive::ArchiveStore;
use image_fetcher::stores::{OpenImage, Store};
use perceiver_kit::inventory::Inventory;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads the list anew each time it is asked: the file may change while the mesh runs.
pub struct InventoryStore {
    file: PathBuf,
}

impl InventoryStore {
    /// The archives that `file` lists.
    pub const fn new(file: PathBuf) -> Self {
        InventoryStore { file }
    }

    fn archives(&self) -> Vec<ArchiveStore> {
        // A list that cannot be read is the perceiver's to report.
        let inventory = Inventory::load(&self.file);
        inventory
            .iter()
            .flat_map(|inventory| inventory.archives().into_keys())
            .map(ArchiveStore::new)
            .collect()
    }

    /// The first archive that has it; one that cannot be read hides no other.
    async fn find(&self, request: &ResolveRequest) -> Result<Arc<dyn OpenImage>, ReadError> {
        let mut failed = ReadError::NotFound(format!("an archive that {} lists", self.file.display()));
        for archive in self.archives() {
            match archive.resolve(request).await {
                Ok(image) => return Ok(image),
                Err(ReadError::NotFound(_)) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn digests(&self) -> Vec<Digest> {
        let mut digests = Vec::new();
        for archive in self.archives() {
            digests.extend(archive.holds().await.unwrap_or_default());
        }
        digests
    }
}

impl Store for InventoryStore {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<Arc<dyn OpenImage>, ReadError>> {
        self.find(request).boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<Digest>, ReadError>> {
        self.digests().map(Ok).boxed()
    }

    fn health(&self) -> BoxFuture<'_, StoreHealth> {
        let reason = Inventory::load(&self.file).err().map(|error| error.to_string());
        let reachable = reason.is_none();
        let health = StoreHealth { kind: "inventory".to_owned(), source: None, reachable, reason };
        std::future::ready(health).boxed()
    }
}
