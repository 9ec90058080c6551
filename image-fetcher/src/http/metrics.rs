//! What the fetcher counts.

use api_wire::error::ErrorCode;
use api_wire::image_source::FetchError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counters of the fetcher; clones are the same counters.
#[derive(Debug, Clone, Default)]
pub struct FetcherMetrics {
    resolves: Family<Outcome, Counter>,
    layers: Family<Outcome, Counter>,
    bytes: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl FetcherMetrics {
    /// Counters that `registry` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = FetcherMetrics::default();
        registry.register("resolves", "Images asked for, by outcome", metrics.resolves.clone());
        registry.register("layers", "Layers sent, by outcome", metrics.layers.clone());
        registry.register("sent_bytes", "Bytes of layers and archives sent", metrics.bytes.clone());
        metrics
    }

    pub(super) fn resolved<T>(&self, outcome: &Result<T, FetchError>) {
        self.resolves.get_or_create(&Outcome { outcome: label(outcome.as_ref().err()) }).inc();
    }

    pub(super) fn layer_ended(&self, error: Option<&FetchError>) {
        self.layers.get_or_create(&Outcome { outcome: label(error) }).inc();
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bytes.inc_by(u64::try_from(bytes).unwrap_or(0));
    }
}

fn label(error: Option<&FetchError>) -> &'static str {
    match error.map(|error| error.code) {
        None => "ok",
        Some(ErrorCode::NotFound) => "not_found",
        Some(code) if code.is_retryable() => "unavailable",
        Some(ErrorCode::Bug) => "bug",
        Some(_) => "refused",
    }
}
