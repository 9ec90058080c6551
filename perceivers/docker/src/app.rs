//! The perceiver put together: an engine, a ledger, a core, and a door to look in.

use crate::config::{EngineSettings, Settings};
use crate::engine::{Engine, EngineError};
use crate::watch::Watch;
use anyhow::Context;
use api_chassis::clock::{Clock, SystemClock};
use api_chassis::door::Door;
use api_chassis::shutdown::Shutdown;
use api_client::{Client, Retry};
use api_vocab::{SourceId, Timestamp};
use perceiver_kit::{Backoff, Outage, SendSettings, Sender, Vitals};
use std::sync::Arc;
use std::time::Duration;

/// From a quarter of a second, so that a restarted engine is seen soon, to 5 seconds.
pub(crate) const PATIENCE: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));

/// Perceive as the settings say until `shutdown` begins, serving health and metrics meanwhile.
///
/// # Errors
/// A setting is wrong, or the address is taken.
pub async fn run(settings: Settings, shutdown: Shutdown) -> anyhow::Result<()> {
    // The kit repeats by itself what is still true; the client must not repeat what was.
    let client = Client::new(&settings.core)?.with_retry(Retry::NEVER);
    let mut door = Door::of("perceiver");
    let vitals = Vitals::at(&mut door);
    let served = door.serve_health(&settings.http, shutdown.clone()).context("serve health and metrics")?;
    perceive(settings.engine, settings.send, client, vitals, shutdown).await;
    served.await??;
    Ok(())
}

/// Watch the engine and tell the core, until shutdown; `vitals` show how it goes.
pub async fn perceive(
    engine: EngineSettings,
    send: SendSettings,
    client: Client,
    vitals: Vitals,
    shutdown: Shutdown,
) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let Some(source) = identify(&engine, &vitals, &shutdown).await else { return };
    tracing::info!(%source, engine = engine.address, core = client.core(), "perceiving");
    let sender = Sender::new(client, source, send, clock.clone()).showing(vitals);
    let watch = Watch::new(engine, sender.sight(), clock);
    tokio::join!(watch.run(shutdown.clone()), sender.run(shutdown));
}

/// Which source the engine is; waits for the engine to answer. None if shutdown begins first.
async fn identify(settings: &EngineSettings, vitals: &Vitals, shutdown: &Shutdown) -> Option<SourceId> {
    let (mut backoff, mut outage) = (PATIENCE, Outage::default());
    loop {
        let error = match connect(settings, shutdown).await? {
            Ok(source) => return Some(source),
            Err(error) => error,
        };
        vitals.lose_platform(&error.to_string());
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
