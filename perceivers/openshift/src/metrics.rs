//! The perceiver's own metrics, beside those of the Kubernetes perceiver.

use crate::annotate::Outcome;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is shown of image streams; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct OpenShiftMetrics {
    image_api: Gauge,
    streams: Gauge,
    writes: Family<OutcomeLabel, Counter>,
    waiting: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl OpenShiftMetrics {
    /// Metrics of their own in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = OpenShiftMetrics::default();
        let served = "1 if the cluster serves image streams; 0: it is perceived as Kubernetes";
        registry.register("image_api", served, metrics.image_api.clone());
        let streams = "Image streams of the cluster, those that are not looked at included";
        registry.register("image_streams", streams, metrics.streams.clone());
        let writes = "Images whose annotations were to be written, by what came of it";
        registry.register("image_annotations", writes, metrics.writes.clone());
        let waiting = "Images whose annotations may have to be written";
        registry.register("image_annotations_waiting", waiting, metrics.waiting.clone());
        metrics
    }

    /// What came of a write.
    pub fn wrote(&self, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Written => "written",
            Outcome::Gone => "gone",
            Outcome::Refused { .. } => "refused",
            Outcome::Forbidden => "forbidden",
            Outcome::Away { .. } => "away",
        };
        self.writes.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// So many images may have to be written.
    pub fn waiting(&self, count: usize) {
        self.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Whether the cluster serves image streams.
    pub fn serves_images(&self, serves: bool) {
        self.image_api.set(serves.into());
    }

    /// So many streams are known.
    pub fn streams(&self, count: usize) {
        self.streams.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
