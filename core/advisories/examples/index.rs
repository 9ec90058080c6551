//! Measures an index of real advisories: `index <folder of feeds> <index file> [inventories]`.

use api_vocab::{Package, Timestamp};
use core_advisories::{Index, IndexBuilder};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [feeds, file, ..] = arguments.as_slice() else {
        return Err("expected: index <folder of feeds> <index file>".into());
    };
    let start = Instant::now();
    let mut builder = IndexBuilder::new(feeds);
    let imported = builder.import_path(Path::new(feeds))?;
    println!("read {} records in {:.2?}", imported.records, start.elapsed());
    println!(
        "withdrawn {}, broken {}, of unknown ecosystems {}",
        imported.withdrawn, imported.broken, imported.unknown_ecosystems
    );
    imported.problems.iter().take(10).for_each(|problem| println!("  {problem}"));
    let index = builder.write(Path::new(file), Timestamp::now())?;
    println!("built in {:.2?}, peak memory {}", start.elapsed(), peak_memory());
    println!("{} bytes, {} packages", index.as_bytes().len(), index.packages());
    drop(index);
    let start = Instant::now();
    let index = Index::open(Path::new(file))?;
    println!("opened in {:.2?}: revision {}", start.elapsed(), index.revision());
    measure_find(&index)?;
    Ok(())
}

/// Ask about the same packages over and over, as if nobody remembered any answer.
#[allow(clippy::print_stdout)]
fn measure_find(index: &Index) -> Result<(), Box<dyn Error>> {
    let packages = SAMPLE
        .iter()
        .map(|(ecosystem, name, version)| Ok(Package::new(ecosystem.parse()?, name, version)?))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    for package in &packages {
        let start = Instant::now();
        let found = index.find(package);
        let took = start.elapsed();
        let name = format!("{} {} {}", package.ecosystem(), package.name(), package.version());
        println!(
            "{name}: {} findings, {} undecided, {took:.1?}",
            found.findings.len(),
            found.undecided.len()
        );
    }
    let (rounds, start) = (2_000, Instant::now());
    let mut findings = 0;
    for _ in 0..rounds {
        findings += packages.iter().map(|package| index.find(package).findings.len()).sum::<usize>();
    }
    let (asked, took) = (rounds * packages.len(), start.elapsed());
    println!("{asked} asked, {findings} findings in {took:.2?}: {:.0}/s", asked as f64 / took.as_secs_f64());
    Ok(())
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}

const SAMPLE: &[(&str, &str, &str)] = &[
    ("Debian:12", "openssl", "3.0.11-1~deb12u1"),
    ("Debian:12", "bash", "5.2.15-2+b2"),
    ("Debian:12", "no-such-package", "1"),
    ("Alpine:v3.18", "busybox", "1.36.1-r0"),
    ("Alpine:v3.18", "musl", "1.2.4-r0"),
    ("AlmaLinux:9", "openssl-libs", "1:3.0.1-41.el9_0"),
    ("AlmaLinux:9", "glibc", "2.34-28.el9_0"),
    ("PyPI", "Jinja2", "2.10"),
    ("PyPI", "requests", "2.19.0"),
    ("PyPI", "django", "3.2"),
    ("npm", "lodash", "4.17.15"),
    ("npm", "left-pad", "1.0.0"),
    ("Go", "stdlib", "1.20"),
    ("Go", "golang.org/x/net", "v0.7.0"),
    ("Maven", "org.apache.logging.log4j:log4j-core", "2.14.1"),
    ("crates.io", "time", "0.1.43"),
    ("crates.io", "serde", "1.0.200"),
];
