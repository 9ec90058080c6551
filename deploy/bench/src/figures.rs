//! A measured figure, and how it is printed.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The table's head.
pub const HEAD: &str = "scenario         what                                                             measured unit        floor   ratio       goal  peak MiB";

/// One figure: what was measured, beside what it is measured against.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What.
    pub what: String,
    /// The figure.
    pub measured: f64,
    /// Its unit.
    pub unit: String,
    /// The floor, in the same unit, from the same run.
    pub floor: Option<f64>,
    /// How many times worse than the floor.
    pub ratio: Option<f64>,
    /// What we want, as text.
    pub goal: String,
    /// Peak resident memory of the process so far, in MiB.
    pub peak_mib: f64,
}

impl Figure {
    /// A time against the time of a floor.
    pub fn time(what: impl Into<String>, measured: Duration, floor: Duration, goal: &str) -> Self {
        let (measured, floor) = (measured.as_secs_f64(), floor.as_secs_f64());
        Figure {
            floor: Some(floor),
            ratio: Some(measured / floor),
            ..Figure::plain(what, measured, "s", goal)
        }
    }

    /// A rate against the rate of a floor; the ratio says how many times slower.
    pub fn rate(what: impl Into<String>, measured: f64, floor: f64, goal: &str) -> Self {
        Figure {
            floor: Some(floor),
            ratio: Some(floor / measured),
            ..Figure::plain(what, measured, "/s", goal)
        }
    }

    /// A figure without a floor.
    pub fn plain(what: impl Into<String>, measured: f64, unit: &str, goal: &str) -> Self {
        Figure {
            what: what.into(),
            measured,
            unit: unit.to_owned(),
            floor: None,
            ratio: None,
            goal: goal.to_owned(),
            peak_mib: peak_mib(),
        }
    }

    /// The ratio, where there is a floor.
    pub fn against_floor(self) -> Self {
        Figure { ratio: self.floor.map(|floor| self.measured / floor), ..self }
    }

    /// One line of JSON.
    pub fn print(&self) -> anyhow::Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }

    /// The table's row.
    pub fn row(&self, scenario: &str) -> String {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        format!(
            "{scenario:<16} {:<60} {:>12.3} {:<6} {:>10} {:>7} {:>10} {:>9.0}",
            self.what,
            self.measured,
            self.unit,
            number(self.floor),
            number(self.ratio),
            self.goal,
            self.peak_mib
        )
    }
}

/// The shortest time of five runs, after one that warms the page cache: what else runs on the
/// machine can only add to it.
pub fn fastest<T>(mut run: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<Duration> {
    run()?;
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        std::hint::black_box(run()?);
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}

/// Peak resident memory of this process, in MiB (`proc(5)`, VmHWM).
pub fn peak_mib() -> f64 {
    status_kib("VmHWM:") / 1024.0
}

/// Resident memory of this process now, in MiB (`proc(5)`, VmRSS).
pub fn resident_mib() -> f64 {
    status_kib("VmRSS:") / 1024.0
}

fn status_kib(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// The machine, in one line.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("machine: {cores} × {}", model.trim_start_matches([' ', '\t', ':']))
}
