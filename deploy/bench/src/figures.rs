//! A measured figure, and how it is printed.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The table's head.
pub const HEAD: &str = "scenario         what                                                             measured unit        floor   ratio     cpu       goal  peak MiB";

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
    /// Processor time of all threads, against that of the floor: unlike the ratio it does not
    /// depend on how busy the machine is.
    pub cpu_ratio: Option<f64>,
    /// Peak resident memory of the process so far, in MiB.
    pub peak_mib: f64,
}

impl Figure {
    /// A time against the time of a floor.
    pub fn time(what: impl Into<String>, measured: &Timing, floor: &Timing, goal: &str) -> Self {
        Figure {
            floor: Some(floor.wall),
            ratio: Some(measured.wall / floor.wall),
            cpu_ratio: Some(measured.cpu / floor.cpu),
            ..Figure::plain(what, measured.wall, "s", goal)
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
            cpu_ratio: None,
            peak_mib: peak_mib(),
        }
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
            "{scenario:<16} {:<60} {:>12.3} {:<6} {:>10} {:>7} {:>7} {:>10} {:>9.0}",
            self.what,
            self.measured,
            self.unit,
            number(self.floor),
            number(self.ratio),
            number(self.cpu_ratio),
            self.goal,
            self.peak_mib
        )
    }
}

/// How long something took, in seconds.
pub struct Timing {
    /// The fastest run.
    pub wall: f64,
    /// Processor time of a run, on average.
    pub cpu: f64,
}

/// The time of the fastest of five runs, after one that warms the page cache: what else runs on
/// the machine can only add to it.
pub fn fastest<T>(mut run: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<Timing> {
    const RUNS: u32 = 5;
    run()?;
    let (mut shortest, before) = (Duration::MAX, cpu_seconds());
    for _ in 0..RUNS {
        let start = Instant::now();
        std::hint::black_box(run()?);
        shortest = shortest.min(start.elapsed());
    }
    Ok(Timing { wall: shortest.as_secs_f64(), cpu: (cpu_seconds() - before) / f64::from(RUNS) })
}

/// Processor time of this process so far (`proc(5)`, utime and stime, in ticks of 10 ms).
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
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
