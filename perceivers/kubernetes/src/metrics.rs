//! The perceiver's own metrics, beside those that all perceivers share.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

/// What is counted of a cluster's watch; clones count together.
#[derive(Debug, Clone, Default)]
pub struct KubernetesMetrics {
    pods: Gauge,
    lists: Family<KindLabel, Counter>,
    leads: Gauge,
}

impl KubernetesMetrics {
    /// Metrics of their own in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = KubernetesMetrics::default();
        registry.register(
            "cluster_pods",
            "Pods of the cluster, those that are not looked at included",
            metrics.pods.clone(),
        );
        registry.register("lists", "Full lists asked of the server, by kind", metrics.lists.clone());
        registry.register("leads", "1 while this perceiver is the active one", metrics.leads.clone());
        metrics
    }

    /// So many pods are known.
    pub fn pods(&self, count: usize) {
        self.pods.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts lists of a kind; kinds are those of our own code.
    pub fn lists(&self, kind: &str) -> Counter {
        self.lists.get_or_create(&KindLabel { kind: kind.to_owned() }).clone()
    }

    /// Whether this perceiver is the active one.
    pub fn leads(&self, leads: bool) {
        self.leads.set(leads.into());
    }
}
