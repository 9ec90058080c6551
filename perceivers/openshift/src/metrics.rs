//! The perceiver's own metrics, beside those of the Kubernetes perceiver.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is shown of image streams; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct OpenShiftMetrics {
    image_api: Gauge,
    streams: Gauge,
    waiting: Gauge,
}

impl OpenShiftMetrics {
    /// Metrics of their own in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = OpenShiftMetrics::default();
        let served = "1 if the cluster serves image streams; 0: it is perceived as Kubernetes";
        registry.register("image_api", served, metrics.image_api.clone());
        let streams = "Image streams of the cluster, those that are not looked at included";
        registry.register("image_streams", streams, metrics.streams.clone());
        let waiting = "Images whose annotations may have to be written";
        registry.register("image_annotations_waiting", waiting, metrics.waiting.clone());
        metrics
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
