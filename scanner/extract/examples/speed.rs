//! Measures extraction of one layer against its floors: reading and hashing the same bytes, and
//! for a compressed layer also decompressing them.
//!
//! `cargo run --release -p scanner-extract --example speed -- layer.tar[.gz]`

#![allow(clippy::print_stdout, reason = "it prints its measurements")]

use api_vocab::{Algorithm, ContentHash};
use scanner_extract::{extract_layer, registry};
use scanner_rootfs::Budget;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

const RUNS: usize = 5;
const BUFFER: usize = 256 << 10;

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| io::Error::other("which layer?"))?;
    let path = Path::new(&path);
    let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
    let hashing = fastest(|| hash(&mut File::open(path)?))?;
    println!("{:<28}{:>9.1} ms", "read + SHA-256", millis(hashing));
    let mut floors = vec![("read + SHA-256", hashing)];
    if is_gzip {
        let inflating = fastest(|| inflate(path))?;
        println!("{:<28}{:>9.1} ms", "gunzip", millis(inflating));
        floors.push(("gunzip", inflating));
    }
    let extracting = fastest(|| extract(path))?;
    println!("{:<28}{:>9.1} ms", "extract", millis(extracting));
    for (name, floor) in floors {
        println!("{:<28}{:>9.2} x", format!("extract / {name}"), millis(extracting) / millis(floor));
    }
    print_memory()
}

fn fastest(mut work: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    let mut fastest = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        work()?;
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn hash(source: &mut dyn Read) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut hash = ContentHash::new(Algorithm::Sha256);
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            std::hint::black_box(hash.finish());
            return Ok(());
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}

fn inflate(path: &Path) -> io::Result<()> {
    let source = BufReader::with_capacity(BUFFER, File::open(path)?);
    let mut decoder = flate2::bufread::MultiGzDecoder::new(source);
    let mut buffer = vec![0; BUFFER];
    while decoder.read(&mut buffer)? > 0 {}
    Ok(())
}

fn extract(path: &Path) -> io::Result<()> {
    let start = Instant::now();
    let layer = extract_layer(File::open(path)?, &registry::all(), &Budget::default(), &|| start.elapsed());
    let packages: usize = layer.files.iter().map(|file| file.packages.len()).sum();
    std::hint::black_box((packages, layer.shadows.len()));
    Ok(())
}

fn print_memory() -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
    Ok(())
}
