//! Metrics: what is counted as it happens, and what is read from the view when asked.

mod collect;
mod exposition;
mod workloads;

pub use collect::FleetCollector;
pub use exposition::Pieces;
pub use workloads::{FIXED_LABELS, WorkloadSeries, label_name};

use core_model::{Change, Event, Stage};
use core_store::Durable;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

type Label = [(&'static str, &'static str); 1];

/// What is counted as it happens; clones count the same.
#[derive(Debug, Clone)]
pub struct CoreMetrics {
    observations: Counter,
    asked: Family<Label, Counter>,
    ended: Family<Label, Counter>,
    appended: Counter,
    append_seconds: Histogram,
    commands: Histogram,
    matched: Counter,
    feeds: Family<Label, Counter>,
}

impl CoreMetrics {
    /// Everything registered in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = CoreMetrics {
            observations: Counter::default(),
            asked: Family::default(),
            ended: Family::default(),
            appended: Counter::default(),
            append_seconds: Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5]),
            commands: Histogram::new([1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0]),
            matched: Counter::default(),
            feeds: Family::default(),
        };
        let all = metrics.clone();
        registry.register("observations", "Observations taken", all.observations);
        registry.register("lease_requests", "Questions for work, by whether there was any", all.asked);
        registry.register("leases_ended", "Leases that ended, by the image's next state", all.ended);
        registry.register("store_events", "Events made durable", all.appended);
        registry.register("store_append_seconds", "How long one group commit took", all.append_seconds);
        registry.register("store_commit_commands", "Commands of one group commit", all.commands);
        registry.register("packages_matched", "Packages matched against advisories", all.matched);
        registry.register("advisory_feeds", "Feeds asked for, by what came of it", all.feeds);
        metrics
    }

    /// Observations were taken.
    pub fn observed(&self, count: u64) {
        self.observations.inc_by(count);
    }

    /// A scanner asked for work.
    pub fn asked(&self, granted: bool) {
        self.asked.get_or_create(&[("outcome", if granted { "granted" } else { "none" })]).inc();
    }

    /// Packages were matched.
    pub fn matched(&self, count: usize) {
        self.matched.inc_by(count as u64);
    }

    /// A feed was asked for.
    pub fn feed(&self, outcome: &'static str) {
        self.feeds.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// One group commit is durable.
    pub fn committed(&self, commands: usize, events: &[Event], durable: Durable) {
        self.appended.inc_by(events.len() as u64);
        self.append_seconds.observe(durable.commit.as_secs_f64());
        self.commands.observe(commands as f64);
        for event in events {
            if let Change::ImageChanged { image, was: Some(Stage::Leased) } = &event.change
                && image.stage() != Stage::Leased
            {
                self.ended.get_or_create(&[("state", image.stage().as_str())]).inc();
            }
        }
    }
}
