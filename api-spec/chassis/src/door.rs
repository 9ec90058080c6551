//! The health door: `/healthz`, `/readyz` and `/metrics` of a service, alone or beside its API.

use crate::health::{self, Readiness};
use crate::http::{HttpSettings, Listener, Served, bind, serve};
use crate::metrics::{self, HttpLatency};
use crate::shutdown::Shutdown;
use actix_web::web::ServiceConfig;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// What a service shows of itself: register metrics and take latches, then serve it.
#[derive(Debug)]
pub struct Door {
    registry: Registry,
    latency: HttpLatency,
    readiness: Readiness,
}

impl Door {
    /// The door of a service whose metrics are called `perceptor_<component>_…`.
    pub fn of(component: &str) -> Self {
        let mut registry = metrics::registry(component);
        let latency = HttpLatency::register(&mut registry);
        Door { registry, latency, readiness: Readiness::default() }
    }

    /// Where the service's own metrics are registered.
    pub const fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// What the service waits for; without latches it is ready at once.
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Serve it alone, on the address that the settings name, until `shutdown` begins.
    ///
    /// # Errors
    /// The address is taken.
    pub fn serve_health(self, settings: &HttpSettings, shutdown: Shutdown) -> std::io::Result<Served> {
        let (listener, address) = bind(settings.listen)?;
        tracing::info!(%address, "health and metrics are served");
        self.serve_beside(Listener::Tcp(listener), settings, shutdown, |_| {})
    }

    /// Serve it beside the service's API, whose routes come first, until `shutdown` begins.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn serve_beside<R>(
        self,
        listener: Listener,
        settings: &HttpSettings,
        shutdown: Shutdown,
        api: R,
    ) -> std::io::Result<Served>
    where
        R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let Door { registry, latency, readiness } = self;
        let registry = Arc::new(registry);
        serve(listener, settings, latency, shutdown, move |config| {
            config
                .configure(api.clone())
                .configure(health::routes(readiness.clone()))
                .configure(metrics::routes(Arc::clone(&registry)));
        })
    }
}
