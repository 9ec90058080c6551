//! Extraction of a layer, against reading and hashing the same bytes, and against unpacking them.

use crate::figures::{Figure, fastest, once};
use crate::layers;
use anyhow::{Result, ensure};
use api_vocab::{Algorithm, ContentHash, Digest, ProblemCode};
use scanner_extract::{extract_layer, registry, stack};
use scanner_rootfs::Budget;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

const DEBIAN: u64 = 200 << 20;
const DEBIAN_PACKAGES: usize = 450;
const LARGE: u64 = 2 << 30;
const LARGE_PACKAGES: usize = 3000;

/// A layer of Debian, and its gzip.
pub fn prepare_debian(folder: &Path) -> Result<()> {
    layers::debian(&folder.join("debian.tar"), DEBIAN)?;
    layers::gzip(&folder.join("debian.tar"), &folder.join("debian.tar.gz"))
}

/// A layer of many ecosystems, and its gzip.
pub fn prepare_large(folder: &Path) -> Result<()> {
    layers::many_ecosystems(&folder.join("large.tar"), LARGE)?;
    layers::gzip(&folder.join("large.tar"), &folder.join("large.tar.gz"))
}

/// Both forms of the layer of Debian.
pub fn measure_debian(folder: &Path) -> Result<Vec<Figure>> {
    measure("200 MiB Debian", &folder.join("debian.tar"), DEBIAN_PACKAGES)
}

/// Both forms of the layer of many ecosystems.
pub fn measure_large(folder: &Path) -> Result<Vec<Figure>> {
    let figures = measure("2 GiB, 4 ecosystems", &folder.join("large.tar"), LARGE_PACKAGES)?;
    std::fs::remove_file(folder.join("large.tar"))?;
    std::fs::remove_file(folder.join("large.tar.gz"))?;
    Ok(figures)
}

/// A layer of more entries than are read of one, in a small download.
pub fn prepare_hostile(folder: &Path) -> Result<()> {
    layers::many_entries(&folder.join("hostile.tar.gz"), Budget::default().entries + 1)
}

/// How long such a layer keeps a scanner, with the budget that is in force, and what it takes.
pub fn measure_hostile(folder: &Path) -> Result<Vec<Figure>> {
    let path = folder.join("hostile.tar.gz");
    let stored = std::fs::metadata(&path)?.len() as f64 / f64::from(1 << 20);
    let floor = once(|| drain(flate2::read::MultiGzDecoder::new(File::open(&path)?)))?;
    let start = Instant::now();
    let clock = move || start.elapsed();
    let measured = once(|| {
        let layer = extract_layer(File::open(&path)?, &registry::all(), &Budget::default(), &clock);
        let inventory = stack(&[layer]);
        let codes: Vec<ProblemCode> = inventory.problems.iter().map(|problem| problem.code).collect();
        ensure!(codes == [ProblemCode::TooManyEntries], "problems: {codes:?}");
        Ok(())
    })?;
    let what = "10,000,001 entries, gzip";
    let time = Figure::time(format!("{what}; floor: gunzip"), &measured, &floor, "ends");
    let peak = Figure::plain(format!("{what}, peak memory"), time.peak_mib, "MiB", "≤ 256");
    Ok(vec![time, peak, Figure::plain(format!("{what}: the download"), stored, "MiB", "-")])
}

fn measure(what: &str, tar: &Path, packages: usize) -> Result<Vec<Figure>> {
    let gzip = tar.with_added_extension("gz");
    let hashing = fastest(|| hash(File::open(tar)?))?;
    let measured = fastest(|| extract(tar, packages))?;
    let plain = Figure::time(format!("{what}, tar; floor: read, SHA-256"), &measured, &hashing, "x ≤ 1.5");
    let unpacking = fastest(|| drain(flate2::read::MultiGzDecoder::new(File::open(&gzip)?)))?;
    let measured = fastest(|| extract(&gzip, packages))?;
    let unpacked = Figure::time(format!("{what}, gzip; floor: gunzip"), &measured, &unpacking, "x ≤ 1.25");
    let peak = Figure::plain(format!("{what}, peak memory"), unpacked.peak_mib, "MiB", "≤ 256");
    // Nobody can save the hash of the content, which takes longer where the processor knows no SHA.
    let slower = if hashing.wall > unpacking.wall { &hashing } else { &unpacking };
    let beside = Figure::time(format!("{what}, gzip; floor: the slower of both"), &measured, slower, "-");
    Ok(vec![plain, unpacked, beside, peak])
}

fn extract(path: &Path, packages: usize) -> Result<()> {
    let start = Instant::now();
    let clock = move || start.elapsed();
    let layer = extract_layer(File::open(path)?, &registry::all(), &Budget::default(), &clock);
    let inventory = stack(&[layer]);
    ensure!(inventory.problems.is_empty(), "problems: {:?}", inventory.problems.first());
    ensure!(inventory.packages.len() == packages, "{} packages", inventory.packages.len());
    Ok(())
}

fn hash(mut file: File) -> Result<Digest> {
    let mut hasher = ContentHash::new(Algorithm::Sha256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

fn drain(mut source: impl Read) -> Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(total),
            n => total += n as u64,
        }
    }
}
