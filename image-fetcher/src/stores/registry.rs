//! Registries of images, as the OCI distribution specification has them: manifests and layers by
//! HTTP, nothing else; the last resort for images that no store of this node holds.
//!
//! Redirects are followed by hand, so that credentials stay with the host they are for. What an
//! image's name or a registry's answer points to is asked only if it may be: no cloud's metadata,
//! nothing on this machine. Every byte is compared with the digest that names it. `urls` of foreign
//! layers are never followed.

mod challenge;
mod error;
mod guard;
mod limits;
mod open;
mod place;
mod resolve;
mod session;
mod settings;
mod token;
mod web;

pub use error::RegistryError;
pub use settings::{HostSettings, RegistrySettings};

use super::{OpenImage, Store};
use crate::error::ReadError;
use crate::secrets::Credentials;
use crate::secrets::cluster::PullSecrets;
use api_vocab::Digest;
use api_wire::error::ErrorCode;
use api_wire::fetcher::{ResolveRequest, StoreHealth};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use guard::Reach;
use limits::Gates;
use place::{Hosts, Place};
use resolve::{Target, targets};
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use web::Web;

/// For finding an image, whatever the number of its names.
const PATIENCE: Duration = Duration::from_secs(180);

/// Registries.
pub struct RegistryStore {
    web: Arc<Web>,
    gates: Arc<Gates>,
    credentials: Credentials,
    layer_limit: Duration,
}

impl RegistryStore {
    /// Registries as `settings` say. Nothing is asked yet.
    ///
    /// # Errors
    /// A listed host is none.
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let unlisted = if settings.private_addresses { Reach::Private } else { Reach::Public };
        let secrets = PullSecrets::new(&settings.pull_secrets);
        Ok(RegistryStore {
            web: Arc::new(Web::new(Hosts::new(&settings.hosts)?, unlisted)),
            gates: Arc::default(),
            credentials: Credentials::new(settings.credentials.clone(), secrets),
            layer_limit: Duration::from_secs(settings.layer_seconds),
        })
    }

    /// The first name and place that has it. One that failed counts before those that have it not.
    async fn find(&self, request: &ResolveRequest) -> Result<Arc<dyn OpenImage>, ReadError> {
        let mut worst: Option<ReadError> = None;
        for target in targets(request) {
            for place in self.web.hosts.places(&target.image) {
                match self.open(place, &target, request).await {
                    Ok(image) => return Ok(image),
                    Err(error) => {
                        let is_worse = |worst: &ReadError| weight(&error) > weight(worst);
                        worst = if worst.as_ref().is_none_or(is_worse) { Some(error) } else { worst };
                    }
                }
            }
        }
        let nothing = || ReadError::NotFound("an image with a name in a registry".to_owned());
        Err(worst.unwrap_or_else(nothing))
    }

    async fn open(
        &self,
        place: Place,
        target: &Target,
        request: &ResolveRequest,
    ) -> Result<Arc<dyn OpenImage>, ReadError> {
        let credentials = self.credentials.find(&place.image, &request.pull_secrets).await;
        let session = Session::new(place, Arc::clone(&self.web), Arc::clone(&self.gates), credentials);
        let image = resolve::resolve(Arc::new(session), target, request, self.layer_limit).await?;
        Ok(Arc::new(image))
    }
}

/// What says most of several failures: that it may work later, then why it was refused.
fn weight(error: &ReadError) -> u8 {
    match error.code() {
        ErrorCode::NotFound => 0,
        ErrorCode::Forbidden => 1,
        code if code.is_retryable() => 3,
        _ => 2,
    }
}

impl Store for RegistryStore {
    fn resolve<'a>(
        &'a self,
        request: &'a ResolveRequest,
    ) -> BoxFuture<'a, Result<Arc<dyn OpenImage>, ReadError>> {
        let slow = |_| ReadError::Interrupted {
            what: "an image's manifest".to_owned(),
            reason: format!("registries took longer than {} s", PATIENCE.as_secs()),
        };
        let found = tokio::time::timeout(PATIENCE, self.find(request));
        async move { found.await.map_err(slow)? }.boxed()
    }

    fn is_local(&self) -> bool {
        false
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<Digest>, ReadError>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    /// Registries are not asked how they are: which will be needed, nobody knows.
    fn health(&self) -> BoxFuture<'_, StoreHealth> {
        let kind = "registry".to_owned();
        std::future::ready(StoreHealth { kind, source: None, reachable: true, reason: None }).boxed()
    }
}
