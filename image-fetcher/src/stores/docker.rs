//! A Docker engine, or whatever speaks its API: images are inspected and exported, nothing else.
//!
//! Every request is a GET. An export is read as it comes, in one pass. Should it hold layers
//! under names that only its last entry explains, a second pass reads them.

mod connect;
mod open;
mod resolve;

use super::{OpenImage, Store};
use crate::error::ReadError;
use api_vocab::{Digest, ReportedImage, SourceId};
use api_wire::fetcher::{ResolveRequest, StoreHealth};
use bollard::query_parameters::ListImagesOptions;
use connect::Engine;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Images that are told to the core; it takes no more.
const MAX_HELD: usize = 10_000;

/// An engine's images.
pub struct DockerStore {
    engine: Arc<Engine>,
    source: Option<SourceId>,
}

impl DockerStore {
    /// The engine behind `endpoint`: `unix:///path` or `tcp://host:port`. It need not run yet.
    pub fn new(endpoint: &str, source: Option<SourceId>) -> Self {
        DockerStore { engine: Arc::new(Engine::new(endpoint)), source }
    }

    async fn list(&self) -> Result<Vec<Digest>, ReadError> {
        let connection = self.engine.connection().await?;
        let listed = connection.docker.list_images(None::<ListImagesOptions>).await;
        let images = listed.map_err(|error| self.engine.failed("list images", error))?;
        let names = images.into_iter().flat_map(|image| std::iter::once(image.id).chain(image.repo_digests));
        let digests = names.filter_map(|name| name.parse::<ReportedImage>().ok()).map(|image| image.digest);
        Ok(digests.take(MAX_HELD).collect())
    }

    async fn check(&self) -> StoreHealth {
        let outcome = match self.engine.connection().await {
            Ok(connection) => {
                let ping = connection.docker.ping().await;
                ping.map(drop).map_err(|error| self.engine.failed("answer", error))
            }
            Err(error) => Err(error),
        };
        let reason = outcome.err().map(|error| api_wire::image_source::FetchError::from(error).message);
        let reachable = reason.is_none();
        StoreHealth { kind: "docker".to_owned(), source: self.source.clone(), reachable, reason }
    }
}

impl Store for DockerStore {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<Arc<dyn OpenImage>, ReadError>> {
        resolve::resolve(&self.engine, request).boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<Digest>, ReadError>> {
        self.list().boxed()
    }

    fn health(&self) -> BoxFuture<'_, StoreHealth> {
        self.check().boxed()
    }
}
