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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    what: &'static str,
    outcome: &'static str,
}

/// What is counted of a cluster's watch; clones count together.
#[derive(Debug, Clone, Default)]
pub struct KubernetesMetrics {
    pods: Gauge,
    lists: Family<KindLabel, Counter>,
    leads: Gauge,
    writes: Family<WriteLabels, Counter>,
    waiting: Gauge,
    hushed: Gauge,
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
        registry.register(
            "writes",
            "Writes into the cluster, by what was written and what came of it",
            metrics.writes.clone(),
        );
        registry.register(
            "writes_waiting",
            "Pods and workloads for which something may have to be written",
            metrics.waiting.clone(),
        );
        registry.register(
            "events_hushed",
            "Events not made, so that not too many are",
            metrics.hushed.clone(),
        );
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

    /// Counts writes; labels are those of our own code.
    pub fn writes(&self, what: &'static str, outcome: &'static str) -> Counter {
        self.writes.get_or_create(&WriteLabels { what, outcome }).clone()
    }

    /// So much may be due; so many events were not made.
    pub fn telling(&self, due: usize, hushed: u64) {
        self.waiting.set(i64::try_from(due).unwrap_or(i64::MAX));
        self.hushed.set(i64::try_from(hushed).unwrap_or(i64::MAX));
    }

    /// Whether this perceiver is the active one.
    pub fn leads(&self, leads: bool) {
        self.leads.set(leads.into());
    }
}
