//! A layer of ten million entries at its true size, five gigabytes, in a small download, with the
//! budget that is in force: reading ends there, says so, and takes little memory. This room is
//! optimised in debug builds for it; most of the time is SHA-256.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

mod archive;

use api_vocab::ProblemCode;
use archive::gzip;
use archive::many::ManyFiles;
use archive::over::Over;
use scanner_rootfs::{Budget, LayerReader, LayerSummary};
use std::io::Read;
use std::time::Instant;

const ENTRIES: u64 = 10_000_000;
/// Entries of a member of a compressed archive.
const OF_MEMBER: u64 = 10_000;
/// Of the whole process, in KiB.
const MEMORY: u64 = 32 << 10;

/// The last path that was read, and the summary. Reading took no more memory than it may.
fn read(source: impl Read) -> (String, LayerSummary) {
    let begun = Instant::now();
    let clock = || begun.elapsed();
    let mut reader = LayerReader::open(source, Budget::default(), &clock);
    let mut last = String::new();
    while let Some(entry) = reader.next_entry() {
        last.clear();
        last.push_str(entry.path);
    }
    let summary = reader.finish();
    let peak = peak_kib();
    assert!(peak < MEMORY, "{peak} KiB");
    (last, summary)
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn codes(summary: &LayerSummary) -> Vec<ProblemCode> {
    summary.problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn ten_million_entries_in_a_small_download_end_at_the_budget_that_is_in_force() {
    let mut member = Vec::new();
    ManyFiles::new(OF_MEMBER).take(OF_MEMBER * 512).read_to_end(&mut member).unwrap();
    let member = gzip(&member);
    let times = ENTRIES / OF_MEMBER + 1;
    let stored = member.len() as u64 * times;
    let (last, summary) = read(Over::times(member, times));
    assert_eq!((last.as_str(), codes(&summary)), ("many/00009999", vec![ProblemCode::TooManyEntries]));
    assert_eq!((summary.bytes, summary.stored_bytes), ((ENTRIES + OF_MEMBER) * 512, stored));
    assert!(summary.bytes / stored > 20, "{} bytes of {stored}", summary.bytes);
}
