//! Measurements, each beside a floor of the same run: `make bench`.
//!
//! Every scenario runs in a process of its own, so that its peak memory is its own; what it works
//! on was made before, by another process. Results come as a table and as JSON lines. This crate
//! refuses to judge: it prints figures beside their goals.
#![allow(clippy::print_stdout)]

mod advisories;
mod cluster;
mod extraction;
mod figures;
mod fleet;
mod ingest;
mod layers;
mod matching;
mod memory;
mod packages;
mod random;
mod series;

use anyhow::{Context, Result, ensure};
use figures::{Figure, HEAD, machine};
use std::path::Path;
use std::process::{Command, Stdio};

/// Something that is measured.
struct Scenario {
    name: &'static str,
    /// Makes what is worked on, within the folder; leaves alone what another scenario made.
    prepare: fn(&Path) -> Result<()>,
    /// Measures, with what was made.
    measure: fn(&Path) -> Result<Vec<Figure>>,
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "extract-debian",
        prepare: extraction::prepare_debian,
        measure: extraction::measure_debian,
    },
    Scenario {
        name: "extract-large",
        prepare: extraction::prepare_large,
        measure: extraction::measure_large,
    },
    Scenario {
        name: "extract-hostile",
        prepare: extraction::prepare_hostile,
        measure: extraction::measure_hostile,
    },
    Scenario { name: "ingest-engine", prepare: nothing, measure: ingest::through_engine },
    Scenario { name: "ingest-http", prepare: nothing, measure: ingest::through_http },
    Scenario { name: "advisories", prepare: advisories::prepare, measure: advisories::measure },
    Scenario { name: "match", prepare: matching::prepare, measure: matching::measure },
    Scenario { name: "memory-idle", prepare: nothing, measure: memory::measure_idle },
    Scenario { name: "memory-loaded", prepare: memory::prepare_loaded, measure: memory::measure_loaded },
    Scenario { name: "core-loaded", prepare: memory::prepare_loaded, measure: memory::measure_core },
    Scenario { name: "workload-series", prepare: memory::prepare_loaded, measure: series::measure },
    Scenario { name: "cluster-pages", prepare: cluster::prepare, measure: cluster::measure_paged },
    Scenario { name: "cluster-streams", prepare: cluster::prepare, measure: cluster::measure_streamed },
    Scenario { name: "cluster-tells", prepare: cluster::prepare, measure: cluster::tells::measure },
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    api_chassis::memory::keep_little(cluster::child::arenas(&arguments));
    match arguments.as_slice() {
        ["--prepare", name, folder] => (scenario(name)?.prepare)(Path::new(folder)),
        ["--measure", name, folder] => {
            (scenario(name)?.measure)(Path::new(folder))?.iter().try_for_each(Figure::print)
        }
        [cluster::child::ROLE, role @ ..] => cluster::child::play(role),
        ["--help" | "-h"] => {
            println!("usage: bench [NAME…]  (beginnings of names, of these; none: all)");
            SCENARIOS.iter().for_each(|scenario| println!("  {}", scenario.name));
            println!("{}", advisories::HELP);
            Ok(())
        }
        names => run(names),
    }
}

fn scenario(name: &str) -> Result<&'static Scenario> {
    SCENARIOS.iter().find(|known| known.name == name).with_context(|| format!("no scenario {name}"))
}

fn nothing(_: &Path) -> Result<()> {
    Ok(())
}

/// The scenarios whose names begin so; all of them where none is named.
fn run(names: &[&str]) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("perceptor-bench-").tempdir()?;
    println!("{}\n{HEAD}", machine());
    for scenario in SCENARIOS {
        if names.is_empty() || names.iter().any(|name| scenario.name.starts_with(name)) {
            child("--prepare", scenario, folder.path())?;
            for line in child("--measure", scenario, folder.path())?.lines() {
                let figure: Figure = serde_json::from_str(line)?;
                println!("{}\n{line}", figure.row(scenario.name));
            }
        }
    }
    Ok(())
}

fn child(step: &str, scenario: &Scenario, folder: &Path) -> Result<String> {
    let mut command = Command::new(std::env::current_exe()?);
    let command = command.args([step, scenario.name]).arg(folder).stderr(Stdio::inherit());
    let output = command.output()?;
    ensure!(output.status.success(), "{step} {}: {}", scenario.name, output.status);
    Ok(String::from_utf8(output.stdout)?)
}
