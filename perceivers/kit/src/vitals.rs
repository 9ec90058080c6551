//! The vitals: what a perceiver shows of itself, as counters and as reasons not to be ready.

use api_chassis::door::Door;
use api_chassis::health::{Latch, Readiness};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

const NOT_SEEN: &str = "not seen yet";
const NOT_TOLD: &str = "nothing told yet";

/// What a perceiver shows of itself; clones show the same. The default shows it to nobody.
#[derive(Debug, Clone)]
pub struct Vitals {
    counts: Counts,
    platform: Latch,
    core: Latch,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    pods: Gauge,
    images: Gauge,
    events: Counter,
    observations: Counter,
    refused: Counter,
    full_states: Counter,
    outages: Family<Lost, Counter>,
}

/// Who was lost: `platform` or `core`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lost {
    of: &'static str,
}

impl Default for Vitals {
    fn default() -> Self {
        Vitals::new(Counts::default(), &Readiness::default())
    }
}

impl Vitals {
    /// Vitals that `door` shows: ready is who has seen its platform and told the core.
    pub fn at(door: &mut Door) -> Self {
        let counts = Counts::default();
        counts.register(door.registry());
        Vitals::new(counts, door.readiness())
    }

    fn new(counts: Counts, readiness: &Readiness) -> Self {
        let platform = readiness.latch("platform", NOT_SEEN);
        Vitals { counts, platform, core: readiness.latch("core", NOT_TOLD) }
    }

    /// Another perceiver speaks for the source: this one is ready to take over.
    pub fn stand_by(&self) {
        self.platform.open();
        self.core.open();
    }

    /// This perceiver speaks for the source from now on, and has not yet.
    pub fn begin(&self) {
        self.platform.close(NOT_SEEN);
        self.core.close(NOT_TOLD);
    }

    /// The platform told of an event, whatever came of it.
    pub fn count_event(&self) {
        self.counts.events.inc();
    }

    /// The platform cannot be seen, for `reason`.
    pub fn lose_platform(&self, reason: &str) {
        if self.platform.close(reason) {
            self.counts.outages.get_or_create(&Lost { of: "platform" }).inc();
        }
    }

    /// The platform is seen.
    pub(crate) fn see_platform(&self) {
        self.platform.open();
    }

    pub(crate) fn count(&self, pods: usize, images: usize) {
        self.counts.pods.set(i64::try_from(pods).unwrap_or(i64::MAX));
        self.counts.images.set(i64::try_from(images).unwrap_or(i64::MAX));
    }

    /// The core took so many changes, or a full state, and refused some of it.
    pub(crate) fn told(&self, changes: Option<usize>, refused: u64) {
        self.core.open();
        self.counts.refused.inc_by(refused);
        match changes {
            Some(changes) => self.counts.observations.inc_by(u64::try_from(changes).unwrap_or(u64::MAX)),
            None => self.counts.full_states.inc(),
        };
    }

    /// The core does not take what it is told, for `reason`.
    pub(crate) fn lose_core(&self, reason: &str) {
        if self.core.close(reason) {
            self.counts.outages.get_or_create(&Lost { of: "core" }).inc();
        }
    }
}

impl Counts {
    fn register(&self, registry: &mut Registry) {
        for of in ["platform", "core"] {
            // A series that begins with its first outage would hide it from a rate.
            drop(self.outages.get_or_create(&Lost { of }));
        }
        registry.register("pods", "Pods that are there", self.pods.clone());
        let images = "Images that the platform lists, whether pods run them or not";
        registry.register("images", images, self.images.clone());
        registry.register("events", "Events that the platform told of", self.events.clone());
        registry.register("observations", "Changes that the core took", self.observations.clone());
        registry.register("refused", "Pods, images and changes that the core refused", self.refused.clone());
        registry.register("full_states", "Full states that the core took", self.full_states.clone());
        registry.register("outages", "Times that platform or core were lost", self.outages.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_chassis::metrics::render;

    #[test]
    fn perceiver_that_stands_by_is_ready_until_it_must_speak() {
        let mut door = Door::of("perceiver");
        let vitals = Vitals::at(&mut door);
        vitals.stand_by();
        assert!(waiting(&door).is_empty());
        vitals.begin();
        assert_eq!(waiting(&door).len(), 2);
        assert!(!render(door.registry()).unwrap().contains("outages_total{of=\"core\"} 1"));
    }

    fn waiting(door: &Door) -> Vec<(&'static str, String)> {
        door.readiness().waiting().into_iter().map(|waiting| (waiting.name, waiting.reason)).collect()
    }

    #[test]
    fn perceiver_is_ready_once_it_has_seen_and_told() {
        let mut door = Door::of("perceiver");
        let vitals = Vitals::at(&mut door);
        assert_eq!(
            waiting(&door),
            [("core", "nothing told yet".to_owned()), ("platform", "not seen yet".to_owned())]
        );
        vitals.see_platform();
        vitals.told(None, 0);
        assert!(waiting(&door).is_empty());
        vitals.lose_platform("no socket");
        assert_eq!(waiting(&door), [("platform", "no socket".to_owned())]);
    }

    #[test]
    fn outage_is_counted_once_however_often_it_is_met() {
        let mut door = Door::of("perceiver");
        let vitals = Vitals::at(&mut door);
        vitals.lose_core("not there yet");
        vitals.told(Some(2), 1);
        vitals.lose_core("away");
        vitals.lose_core("still away");
        let text = render(door.registry()).unwrap();
        for line in [
            r#"perceptor_perceiver_outages_total{of="core"} 1"#,
            r#"perceptor_perceiver_outages_total{of="platform"} 0"#,
            "perceptor_perceiver_observations_total 2",
            "perceptor_perceiver_refused_total 1",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }
}
