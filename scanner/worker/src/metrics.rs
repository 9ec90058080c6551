//! What the scanner counts.

use crate::error::ScanError;
use api_wire::lease::FailureKind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

const SECONDS: [f64; 10] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];

/// Counters of the scanner; clones are the same counters.
#[derive(Debug, Clone)]
pub struct ScannerMetrics {
    leases: Family<Outcome, Counter>,
    layers: Family<Origin, Counter>,
    running: Gauge,
    pressure: Family<Waited, Gauge<f64, AtomicU64>>,
    held_back: Family<Waited, Gauge>,
    seconds: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Waited {
    resource: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Origin {
    origin: &'static str,
}

impl Default for ScannerMetrics {
    fn default() -> Self {
        ScannerMetrics {
            leases: Family::default(),
            layers: Family::default(),
            running: Gauge::default(),
            pressure: Family::default(),
            held_back: Family::default(),
            seconds: Histogram::new(SECONDS),
        }
    }
}

impl ScannerMetrics {
    /// Counters that `registry` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = ScannerMetrics::default();
        registry.register("leases", "Leases that ended, by outcome", metrics.leases.clone());
        registry.register("layers", "Layers, by where their inventory came from", metrics.layers.clone());
        registry.register("running", "Scans under way", metrics.running.clone());
        let help = "Share of the last ten seconds in which something waited for the node's resource";
        registry.register("pressure_percent", help, metrics.pressure.clone());
        let help = "Whether pressure on the node's resource holds work back";
        registry.register("held_back", help, metrics.held_back.clone());
        registry.register("scan_seconds", "How long scans took", metrics.seconds.clone());
        metrics
    }

    pub(crate) fn pressure(&self, resource: &'static str, percent: Option<f64>, holds_back: bool) {
        let label = Waited { resource };
        if let Some(percent) = percent {
            self.pressure.get_or_create(&label).set(percent);
        }
        self.held_back.get_or_create(&label).set(i64::from(holds_back));
    }

    pub(crate) fn begun(&self) {
        self.running.inc();
    }

    pub(crate) fn ended(&self, outcome: &Result<(), ScanError>, took: Duration) {
        self.running.dec();
        self.seconds.observe(took.as_secs_f64());
        self.leases.get_or_create(&Outcome { outcome: label(outcome) }).inc();
    }

    pub(crate) fn layer_extracted(&self) {
        self.layers.get_or_create(&Origin { origin: "extracted" }).inc();
    }

    pub(crate) fn layer_known(&self) {
        self.layers.get_or_create(&Origin { origin: "known" }).inc();
    }
}

fn label(outcome: &Result<(), ScanError>) -> &'static str {
    match outcome {
        Ok(()) => "reported",
        Err(ScanError::LeaseLost) => "lost",
        Err(ScanError::GivenBack) => "given_back",
        Err(error) if error.kind() == FailureKind::Permanent => "failed_permanently",
        Err(_) => "failed_transiently",
    }
}
