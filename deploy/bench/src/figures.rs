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

/// The time of a single run, for what takes long.
pub fn once<T>(run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<Timing> {
    let (start, before) = (Instant::now(), cpu_seconds());
    std::hint::black_box(run()?);
    Ok(Timing { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds() - before })
}

/// Processor time of this process so far, in seconds.
pub fn cpu_seconds() -> f64 {
    Process::this().cpu_seconds()
}

/// Peak resident memory of this process, in MiB.
pub fn peak_mib() -> f64 {
    Process::this().peak_mib()
}

/// Resident memory of this process now, in MiB.
pub fn resident_mib() -> f64 {
    Process::this().resident_mib()
}

/// A process as the kernel shows it (`proc(5)`); one that is gone shows zeros.
pub struct Process(String);

impl Process {
    /// This one.
    pub fn this() -> Self {
        Process("self".to_owned())
    }

    /// The one of this id.
    pub fn of(id: u32) -> Self {
        Process(id.to_string())
    }

    /// Processor time so far, in seconds (`stat`, utime and stime, in ticks of 10 ms).
    pub fn cpu_seconds(&self) -> f64 {
        let stat = self.read("stat");
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = after_name.split_whitespace().skip(11).take(2);
        ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
    }

    /// Peak resident memory in MiB (`status`, VmHWM).
    pub fn peak_mib(&self) -> f64 {
        self.mib("status", "VmHWM:")
    }

    /// Resident memory in MiB (`status`, VmRSS).
    pub fn resident_mib(&self) -> f64 {
        self.mib("status", "VmRSS:")
    }

    /// Resident memory in MiB, what is shared divided among those that share it (`smaps_rollup`, Pss).
    pub fn proportional_mib(&self) -> f64 {
        self.mib("smaps_rollup", "Pss:")
    }

    fn mib(&self, file: &str, field: &str) -> f64 {
        let text = self.read(file);
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
        let kib: f64 = line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
        kib / 1024.0
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0)).unwrap_or_default()
    }
}

/// The machine, in one line.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("machine: {cores} × {}", model.trim_start_matches([' ', '\t', ':']))
}
