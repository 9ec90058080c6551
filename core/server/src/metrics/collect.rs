//! What is read from the view when somebody asks: numbers of the fleet.

use crate::advisories::Advisories;
use crate::engine::Engine;
use api_chassis::clock::Clock;
use api_vocab::Severity;
use core_model::{Source, SourceHealth, Stage, View};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;

/// Sources that have series of their own; there are far fewer.
const MOST_SOURCES: usize = 1_000;

/// Reads the fleet's numbers.
pub struct FleetCollector {
    /// What readers see.
    pub view: Arc<View>,
    /// Takes commands.
    pub engine: Engine,
    /// The advisories in force.
    pub advisories: Advisories,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for FleetCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetCollector").finish_non_exhaustive()
    }
}

impl Collector for FleetCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let totals = self.view.totals();
        let images = Stage::ALL.iter().map(|stage| (stage.as_str(), totals.images_at(*stage)));
        gauges(&mut encoder, "images", "Images by state", "state", images)?;
        let waiting = [Stage::Queued, Stage::Leased, Stage::Backoff];
        let waiting = waiting.iter().map(|stage| (stage.as_str(), totals.images_at(*stage)));
        gauges(&mut encoder, "queue_depth", "Images that wait for a scan, by state", "state", waiting)?;
        let findings =
            Severity::ALL.iter().map(|severity| (severity.as_str(), totals.findings.of(*severity)));
        gauges(&mut encoder, "findings", "Findings by severity", "severity", findings)?;
        for (name, help, value) in [
            ("findings_fixable", "Findings that have a fix", totals.findings.fixable.total()),
            (
                "findings_undecided",
                "Advisories that could not be compared with a package's version",
                totals.findings.undecided,
            ),
            ("packages_unmatched", "Packages of images that wait to be matched", totals.findings.unmatched),
            ("pods", "Pods", self.view.pod_count()),
            ("unresolved_containers", "Containers without an image yet", totals.unresolved_containers),
            ("packages", "Different packages", self.view.package_count()),
            ("sources", "Sources", self.view.source_count()),
            ("scanners", "Scanners heard lately", self.view.scanner_count()),
            ("commands_waiting", "Commands that wait for the writer", self.engine.waiting() as u64),
            ("last_event", "Id of the last event", totals.last_event),
            ("advisories", "Advisories in force", self.advisories.set().advisories),
            ("advisories_age_seconds", "Age of the newest advisory in force", self.advisory_age()),
        ] {
            gauge(&mut encoder, name, help, value)?;
        }
        self.encode_sources(&mut encoder)
    }
}

impl FleetCollector {
    fn encode_sources(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (sources, now) = (self.view.sources_after(None, MOST_SOURCES), self.clock.now());
        let pods = |source: &Source| self.view.pods_in(&source.id);
        let silent = |source: &Source| now.since(source.last_seen).as_secs();
        let stale = |source: &Source| u64::from(source.health == SourceHealth::Stale);
        of_sources(encoder, "source_pods", "Pods of a source", &sources, pods)?;
        let help = "How long ago a source's perceiver was last heard";
        of_sources(encoder, "source_silent_seconds", help, &sources, silent)?;
        let help = "Whether a source is silent for longer than its pods are believed";
        of_sources(encoder, "source_stale", help, &sources, stale)
    }

    fn advisory_age(&self) -> u64 {
        let set = self.advisories.set();
        self.clock.now().since(set.newest.unwrap_or(set.built_at)).as_secs()
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    metric.encode_gauge(&signed(value))
}

fn of_sources(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    sources: &[Arc<Source>],
    value: impl Fn(&Source) -> u64,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for source in sources {
        let label = [("source", source.id.to_string())];
        metric.encode_family(&label)?.encode_gauge(&signed(value(source)))?;
    }
    Ok(())
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl Iterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (word, value) in values {
        metric.encode_family(&[(label, word)])?.encode_gauge(&signed(value))?;
    }
    Ok(())
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
