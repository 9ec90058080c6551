//! Pressure on the node (PSI): whether others wait so much that no further work should be taken.
//!
//! What the kernel says is read by whoever is injected; what follows is decided here. A machine
//! that says nothing is never under pressure.

use crate::metrics::ScannerMetrics;
use api_chassis::health::Latch;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

/// When pressure on the node holds work back: shares of the last ten seconds in which something
/// waited, in percent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PressureSettings {
    /// Waiting for a processor, on the node. Off by default: the kernel shares processors out by
    /// weight, and a scanner has little of it.
    pub cpu: Threshold,
    /// Waiting for memory, on the node or in the scanner's own control group.
    pub memory: Threshold,
    /// Waiting for disks, on the node or in the scanner's own control group.
    pub io: Threshold,
}

/// Where pausing begins and ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    /// Above this no further work is taken, in percent; 0: never mind.
    pub pause_above: u32,
    /// Once paused, work is taken again below this, in percent; 0: at half of the other.
    pub resume_below: u32,
}

impl Default for PressureSettings {
    fn default() -> Self {
        PressureSettings {
            cpu: Threshold::default(),
            memory: Threshold { pause_above: 20, resume_below: 10 },
            io: Threshold { pause_above: 70, resume_below: 40 },
        }
    }
}

impl PressureSettings {
    fn off() -> Self {
        let off = Threshold::default();
        PressureSettings { cpu: off, memory: off, io: off }
    }

    fn of(&self, resource: Resource) -> Threshold {
        match resource {
            Resource::Cpu => self.cpu,
            Resource::Memory => self.memory,
            Resource::Io => self.io,
        }
    }
}

/// What others may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Cpu,
    Memory,
    Io,
}

impl Resource {
    const ALL: [Resource; 3] = [Resource::Cpu, Resource::Memory, Resource::Io];

    fn name(self) -> &'static str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
            Resource::Io => "io",
        }
    }

    /// Where the kernel tells of it. A control group with a limit of processor time waits for
    /// that limit whenever it works: its own word says nothing of the node.
    fn files(self) -> &'static [&'static str] {
        match self {
            Resource::Cpu => &["/proc/pressure/cpu"],
            Resource::Memory => &["/proc/pressure/memory", "/sys/fs/cgroup/memory.pressure"],
            Resource::Io => &["/proc/pressure/io", "/sys/fs/cgroup/io.pressure"],
        }
    }
}

impl Threshold {
    /// Whether to pause at `percent`, having paused before or not.
    fn is_passed(self, percent: f64, was_passed: bool) -> bool {
        let pause = f64::from(self.pause_above);
        let resume = if self.resume_below == 0 { pause / 2.0 } else { f64::from(self.resume_below) };
        let is_high = if was_passed { percent >= resume.min(pause) } else { percent > pause };
        self.pause_above > 0 && is_high
    }
}

/// The share of the last ten seconds in which anything waited, from a file of the kernel's.
fn parse_waiting(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let value = line.split(' ').find_map(|field| field.strip_prefix("avg10="))?;
    value.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

/// Reads a file of the kernel's, if it is there.
pub type ReadFile = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The pressure on the node; clones are the same.
#[derive(Clone)]
pub struct Pressure {
    settings: PressureSettings,
    read: ReadFile,
    passed: Arc<Mutex<[bool; 3]>>,
    latch: Option<Latch>,
}

impl Pressure {
    /// As `read` tells it.
    pub fn told_by(settings: PressureSettings, read: ReadFile) -> Self {
        let latch = None;
        Pressure { settings, read, passed: Arc::default(), latch }
    }

    /// As the kernel tells it.
    pub fn of_node(settings: PressureSettings) -> Self {
        Pressure::told_by(settings, Arc::new(|path| std::fs::read_to_string(path).ok()))
    }

    /// None, whatever the kernel says: on somebody's own machine, who waits for the result.
    pub fn ignored() -> Self {
        Pressure::told_by(PressureSettings::off(), Arc::new(|_| None))
    }

    /// Closes `latch` while work is held back.
    pub fn with_latch(self, latch: Latch) -> Self {
        latch.open();
        Pressure { latch: Some(latch), ..self }
    }

    /// Whether no further work should be taken now.
    pub(crate) fn holds_back(&self, metrics: &ScannerMetrics) -> bool {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        for (resource, passed) in Resource::ALL.into_iter().zip(passed.iter_mut()) {
            let percent = self.waiting(resource);
            let is_passed = self.settings.of(resource).is_passed(percent.unwrap_or(0.0), *passed);
            if is_passed != std::mem::replace(passed, is_passed) {
                self.tell(resource, is_passed, percent);
            }
            metrics.pressure(resource.name(), percent, is_passed);
        }
        let holds_back = passed.contains(&true);
        self.show(&passed);
        holds_back
    }

    fn waiting(&self, resource: Resource) -> Option<f64> {
        let told = resource.files().iter().filter_map(|path| parse_waiting(&(self.read)(path)?));
        told.max_by(f64::total_cmp)
    }

    fn tell(&self, resource: Resource, is_passed: bool, percent: Option<f64>) {
        let (resource, percent) = (resource.name(), percent.unwrap_or(0.0));
        if is_passed {
            tracing::warn!(resource, percent, "node under pressure; no work is taken");
        } else {
            tracing::info!(resource, percent, "node no longer under pressure");
        }
    }

    fn show(&self, passed: &[bool; 3]) {
        let Some(latch) = &self.latch else { return };
        let under = Resource::ALL.into_iter().zip(passed).filter(|(_, passed)| **passed);
        let names: Vec<&str> = under.map(|(resource, _)| resource.name()).collect();
        if names.is_empty() {
            latch.open();
        } else {
            latch.close(format!("the node is under pressure: {}", names.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_chassis::health::Readiness;
    use std::collections::HashMap;

    fn told(percent: &str) -> String {
        format!(
            "some avg10={percent} avg60=1.00 avg300=2.00 total=3\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=4\n"
        )
    }

    #[test]
    fn pressure_is_read_from_what_the_kernel_writes() {
        assert_eq!(parse_waiting(&told("12.34")), Some(12.34));
        for text in
            ["", "some", "some avg10=", "some avg10=x", "some avg10=NaN", "full avg10=1.00", "some avg10=101"]
        {
            assert_eq!(parse_waiting(text), None, "{text}");
        }
    }

    #[test]
    fn threshold_passed_stays_so_until_it_is_well_below() {
        let threshold = Threshold { pause_above: 20, resume_below: 10 };
        let mut passed = false;
        for (percent, expected) in [
            (0.0, false),
            (20.0, false),
            (20.1, true),
            (15.0, true),
            (10.0, true),
            (9.9, false),
            (15.0, false),
        ] {
            passed = threshold.is_passed(percent, passed);
            assert_eq!(passed, expected, "{percent}");
        }
    }

    #[test]
    fn threshold_of_zero_or_upside_down_does_not_hold_for_ever() {
        assert!(!Threshold::default().is_passed(100.0, true));
        let upside_down = Threshold { pause_above: 10, resume_below: 90 };
        assert!(!upside_down.is_passed(9.0, true) && upside_down.is_passed(11.0, true));
        let half = Threshold { pause_above: 10, resume_below: 0 };
        assert!(!half.is_passed(4.9, true) && half.is_passed(5.0, true));
    }

    /// A kernel whose files a test writes.
    fn a_kernel() -> (Arc<Mutex<HashMap<&'static str, String>>>, ReadFile) {
        let files: Arc<Mutex<HashMap<&'static str, String>>> = Arc::default();
        let read = Arc::clone(&files);
        (files, Arc::new(move |path| read.lock().unwrap().get(path).cloned()))
    }

    #[test]
    fn node_under_pressure_holds_back_and_says_why() {
        let (files, read) = a_kernel();
        let (readiness, metrics) = (Readiness::default(), ScannerMetrics::default());
        let pressure = Pressure::told_by(PressureSettings::default(), read)
            .with_latch(readiness.latch("pressure", "not looked at"));
        let set = |path, percent| files.lock().unwrap().insert(path, told(percent));
        assert!(!pressure.holds_back(&metrics) && readiness.waiting().is_empty());
        set("/proc/pressure/cpu", "100.00");
        assert!(!pressure.holds_back(&metrics));
        set("/proc/pressure/io", "5.00");
        set("/sys/fs/cgroup/memory.pressure", "30.00");
        assert!(pressure.holds_back(&metrics) && pressure.clone().holds_back(&metrics));
        assert_eq!(readiness.waiting()[0].reason, "the node is under pressure: memory");
        set("/sys/fs/cgroup/memory.pressure", "15.00");
        assert!(pressure.holds_back(&metrics));
        files.lock().unwrap().clear();
        assert!(!pressure.holds_back(&metrics) && readiness.waiting().is_empty());
    }

    #[test]
    fn pressure_ignored_never_holds_back() {
        assert!(!Pressure::ignored().holds_back(&ScannerMetrics::default()));
    }

    #[test]
    fn settings_left_out_are_those_of_a_node() {
        let settings: PressureSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings, PressureSettings::default());
        let one: PressureSettings =
            serde_json::from_str(r#"{"cpu":{"pause_above":90,"resume_below":60}}"#).unwrap();
        assert_eq!(one.cpu, Threshold { pause_above: 90, resume_below: 60 });
    }
}
