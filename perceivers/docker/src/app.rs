//! The perceiver put together: an engine, a ledger, a core.

use crate::config::EngineSettings;
use crate::engine::{Engine, EngineError};
use crate::watch::Watch;
use api_chassis::clock::{Clock, SystemClock};
use api_chassis::shutdown::Shutdown;
use api_client::Client;
use api_vocab::{SourceId, Timestamp};
use perceiver_kit::{Backoff, Outage, SendSettings, Sender};
use std::sync::Arc;
use std::time::Duration;

/// From a quarter of a second, so that a restarted engine is seen soon, to 5 seconds.
pub(crate) const PATIENCE: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));

/// Watch the engine and tell the core, until shutdown.
pub async fn run(engine: EngineSettings, send: SendSettings, client: Client, shutdown: Shutdown) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let Some(source) = identify(&engine, &shutdown).await else { return };
    tracing::info!(%source, engine = engine.address, core = client.core(), "perceiving");
    let sender = Sender::new(client, source, send, clock.clone());
    let watch = Watch::new(engine, sender.sight(), clock);
    tokio::join!(watch.run(shutdown.clone()), sender.run(shutdown));
}

/// Which source the engine is; waits for the engine to answer. None if shutdown begins first.
async fn identify(settings: &EngineSettings, shutdown: &Shutdown) -> Option<SourceId> {
    let (mut backoff, mut outage) = (PATIENCE, Outage::default());
    loop {
        let error = match connect(settings, shutdown).await? {
            Ok(source) => return Some(source),
            Err(error) => error,
        };
        if outage.begin(Timestamp::now(), error.kind()) {
            tracing::warn!(engine = settings.address, %error, "engine does not answer; will keep trying");
        }
        if !shutdown.sleep(backoff.fail(rand::random())).await {
            return None;
        }
    }
}

async fn connect(settings: &EngineSettings, shutdown: &Shutdown) -> Option<Result<SourceId, EngineError>> {
    tokio::select! {
        engine = Engine::connect(&settings.address) => {
            Some(engine.and_then(|engine| engine.source(settings.name.as_deref())))
        }
        () = shutdown.begun() => None,
    }
}
