//! Advisories: real ones from a folder of feeds, or as many that are made here; and the time it
//! takes to make an index of them.

use crate::figures::{Figure, fastest};
use crate::random::Random;
use anyhow::{Context, Result};
use api_vocab::Timestamp;
use core_advisories::{Index, IndexBuilder};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const VARIABLE: &str = "PERCEPTOR_BENCH_OSV";

/// What one can set.
pub const HELP: &str = "PERCEPTOR_BENCH_OSV=<folder of OSV zips>: real advisories instead of made ones";

/// How many are made: ecosystem, release, how many advisories, of how many packages.
const MADE: &[(&str, usize, usize)] = &[
    ("Debian:12", 20_000, 3_000),
    ("Ubuntu:22.04:LTS", 15_000, 3_000),
    ("Alpine:v3.19", 10_000, 2_000),
    ("AlmaLinux:9", 10_000, 2_500),
    ("PyPI", 15_000, 8_000),
    ("npm", 15_000, 10_000),
    ("Maven", 10_000, 4_000),
    ("Go", 5_000, 2_000),
];

/// Of so many advisories one is changed.
const CHANGED: usize = 100;

/// Where the feeds are.
pub fn feeds(folder: &Path) -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(|| folder.join("osv"), PathBuf::from)
}

/// Whether they are real, for a row's label.
pub fn kind() -> &'static str {
    if std::env::var_os(VARIABLE).is_some() { "real" } else { "made" }
}

/// The index before and after some advisories changed.
pub fn indexes(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("advisories.idx"), folder.join("changed.idx"))
}

/// The feeds, where none are given.
pub fn prepare(folder: &Path) -> Result<()> {
    let made = folder.join("osv");
    if feeds(folder) != made || made.exists() {
        return Ok(());
    }
    std::fs::create_dir(&made)?;
    MADE.iter().enumerate().try_for_each(|(at, (ecosystem, count, packages))| {
        make_feed(&made.join(format!("{at}.zip")), ecosystem, *count, *packages)
    })
}

/// Both indexes, and the feeds that they need.
pub fn prepare_indexes(folder: &Path) -> Result<()> {
    prepare(folder)?;
    let (before, after) = indexes(folder);
    if after.exists() {
        return Ok(());
    }
    let mut builder = IndexBuilder::new("bench");
    builder.import_path(&feeds(folder))?;
    builder.write(&before, Timestamp::now())?;
    let changes = folder.join("changes.zip");
    change_some(&feeds(folder), &changes)?;
    let mut builder = IndexBuilder::new("bench");
    builder.import_path(&feeds(folder))?;
    builder.import_path(&changes)?;
    builder.write(&after, Timestamp::now())?;
    Ok(())
}

/// How long making and opening an index takes, and how large it is.
pub fn measure(folder: &Path) -> Result<Vec<Figure>> {
    let path = folder.join("measured.idx");
    let (mut records, mut size) = (0, 0);
    let built = fastest(|| {
        let mut builder = IndexBuilder::new("bench");
        records = builder.import_path(&feeds(folder))?.records;
        size = builder.write(&path, Timestamp::now())?.as_bytes().len();
        Ok(())
    })?;
    let what = format!("{records} {} advisories", kind());
    let inflated = fastest(|| for_each_record(&feeds(folder), &mut |_, _| Ok(())))?;
    let opened = fastest(|| Ok(Index::open(&path)?))?;
    Ok(vec![
        Figure::time(format!("{what}: feeds to index; floor: inflate"), &built, &inflated, "-"),
        Figure::plain(format!("{what}: index file"), size as f64 / f64::from(1 << 20), "MiB", "-"),
        Figure::plain(format!("{what}: open, checksums compared"), opened.wall, "s", "-"),
    ])
}

/// Every record of all zips, in order.
pub fn for_each_record(feeds: &Path, take: &mut dyn FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
    let mut zips: Vec<PathBuf> =
        std::fs::read_dir(feeds)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    zips.retain(|path| path.extension().is_some_and(|ending| ending == "zip"));
    zips.sort();
    let mut json = Vec::new();
    for path in zips {
        let mut zip = ZipArchive::new(BufReader::new(File::open(&path)?))
            .with_context(|| format!("open {}", path.display()))?;
        for at in 0..zip.len() {
            let mut entry = zip.by_index(at)?;
            json.clear();
            entry.read_to_end(&mut json)?;
            let name = entry.name()?.into_owned();
            take(&name, &json)?;
        }
    }
    Ok(())
}

/// One advisory in a hundred, said to be critical.
fn change_some(feeds: &Path, target: &Path) -> Result<()> {
    let mut zip = ZipWriter::new(BufWriter::new(File::create(target)?));
    let mut at = 0;
    for_each_record(feeds, &mut |name, json| {
        at += 1;
        if at % CHANGED != 0 || !name.ends_with(".json") {
            return Ok(());
        }
        let mut record: Value = serde_json::from_slice(json)?;
        if let Some(fields) = record.as_object_mut() {
            fields.insert("modified".into(), "2199-01-01T00:00:00Z".into());
            fields.insert("summary".into(), "Changed.".into());
            let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H";
            fields.insert("severity".into(), json!([{"type": "CVSS_V3", "score": vector}]));
        }
        zip.start_file(format!("{at}.json"), SimpleFileOptions::default())?;
        Ok(zip.write_all(&serde_json::to_vec(&record)?)?)
    })?;
    Ok(zip.finish()?.flush()?)
}

fn make_feed(path: &Path, ecosystem: &str, count: usize, packages: usize) -> Result<()> {
    let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
    let mut random = Random(1 + count as u64);
    for n in 0..count {
        let record = make_record(ecosystem, n, packages, &mut random);
        zip.start_file(format!("{n}.json"), SimpleFileOptions::default())?;
        zip.write_all(&serde_json::to_vec(&record)?)?;
    }
    Ok(zip.finish()?.flush()?)
}

/// Few packages have most of the advisories.
fn make_record(ecosystem: &str, n: usize, packages: usize, random: &mut Random) -> Value {
    let family = ecosystem.split(':').next().unwrap_or_default();
    let group = if family == "Maven" { "org.example:" } else { "" };
    let package = random.below(packages).min(random.below(packages)).min(random.below(packages));
    let fixed = format!("{}.{}.{}", 1 + random.below(5), random.below(30), random.below(10));
    let fixed = if ecosystem.starts_with("Debian") { format!("{fixed}-1") } else { fixed };
    json!({
        "id": format!("BENCH-{family}-{n}"),
        "modified": "2025-01-01T00:00:00Z",
        "published": "2024-06-01T00:00:00Z",
        "aliases": [format!("CVE-2024-{}", 10_000 + n)],
        "summary": "A heap buffer overflow lets attackers run code.",
        "details": "A crafted file leads to an out-of-bounds write. ".repeat(8),
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:N"}],
        "affected": [{
            "package": {"ecosystem": ecosystem, "name": format!("{group}pkg{package}")},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }],
        "references": [{"type": "ADVISORY", "url": format!("https://example.org/advisories/{n}")}],
    })
}
