//! The scanner as a service: settings to parts, health and metrics, and a graceful end.

use crate::config::ScannerSettings;
use crate::{FetcherClient, Memory, Patience, Pressure, Scanner, ScannerMetrics, ScannerParts, Silent};
use anyhow::Context;
use api_chassis::door::Door;
use api_chassis::health::Readiness;
use api_chassis::shutdown::Shutdown;
use api_client::Client;
use api_vocab::ScannerName;
use api_wire::scanner::ScannerRegistration;
use scanner_engines::{Engine, Native};
use std::sync::Arc;
use std::time::Duration;

/// What the settings ask for.
///
/// # Errors
/// A setting is wrong.
pub fn build(
    settings: &ScannerSettings,
    metrics: ScannerMetrics,
    readiness: &Readiness,
) -> anyhow::Result<Scanner> {
    let engine: Arc<dyn Engine> = Arc::new(Native::default());
    let latch = readiness.latch("pressure", "the node's pressure was not looked at yet");
    let parts = ScannerParts {
        client: Client::new(&settings.core)?,
        source: Arc::new(FetcherClient::new(&settings.fetcher)?),
        registration: registration(settings, &*engine),
        engine,
        observer: Arc::new(Silent),
        memory: Memory::of_mib(settings.memory_mib),
        pressure: Pressure::of_node(settings.pressure.clone()).with_latch(latch),
        metrics,
        patience: Patience::default(),
        name: name(settings)?,
        drain: Duration::from_secs(settings.drain_seconds),
    };
    Ok(Scanner::new(parts))
}

fn registration(settings: &ScannerSettings, engine: &dyn Engine) -> ScannerRegistration {
    ScannerRegistration {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extractor_set: engine.extractor_set(),
        node: Some(settings.node.clone()).filter(|node| !node.is_empty()),
        sources: settings.sources.clone(),
        platforms: Vec::new(),
        max_leases: settings.max_leases.clamp(1, 64),
        registry: None,
    }
}

fn name(settings: &ScannerSettings) -> anyhow::Result<ScannerName> {
    if !settings.name.is_empty() {
        return Ok(settings.name.parse()?);
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").context("read the host's name")?;
    Ok(format!("{}-{}", host.trim(), std::process::id()).parse()?)
}

/// Scan until `shutdown` begins, serving health and metrics meanwhile.
///
/// # Errors
/// A setting is wrong, or the address is taken.
pub async fn run(settings: &ScannerSettings, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut door = Door::of("scanner");
    let metrics = ScannerMetrics::register(door.registry());
    let scanner = build(settings, metrics, door.readiness())?;
    let served = door.serve_health(&settings.http, shutdown.clone()).context("serve health and metrics")?;
    scanner.run(shutdown).await;
    served.await??;
    Ok(())
}
