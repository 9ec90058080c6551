//! Archives that are too much: reading ends within the budget, and says so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

mod archive;
mod listing;

use api_vocab::ProblemCode::{self, TimeExceeded, TooLarge, TooManyEntries};
use archive::{Archive, gzip, header, sign};
use listing::list;
use scanner_rootfs::{Budget, LayerReader};
use std::io::Read;
use std::time::Duration;

fn codes(source: impl Read, budget: Budget) -> Vec<ProblemCode> {
    list(source, budget).1.problems.iter().map(|problem| problem.code).collect()
}

/// The same empty file over and over, without an end, and never in memory at once.
fn endless() -> impl Read {
    let mut block = header(b'0', b"a", b"", 0);
    sign(&mut block);
    Repeat { block, at: 0 }
}

struct Repeat {
    block: [u8; 512],
    at: usize,
}

impl Read for Repeat {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        for byte in out.iter_mut() {
            *byte = self.block[self.at];
            self.at = (self.at + 1) % 512;
        }
        Ok(out.len())
    }
}

#[test]
fn entries_without_end_stop_at_the_budget() {
    let budget = Budget { entries: 20_000, bytes: 32 << 20, ..Budget::default() };
    let clock = || Duration::ZERO;
    let mut reader = LayerReader::open(endless(), budget, &clock);
    let mut entries = 0;
    while reader.next_entry().is_some() {
        entries += 1;
    }
    let summary = reader.finish();
    assert_eq!((entries, summary.problems[0].code), (20_000, TooManyEntries));
    assert_eq!((summary.diff_id, summary.digest), (None, None));
}

#[test]
fn bytes_beyond_the_budget_stop() {
    let budget = Budget { bytes: 1 << 20, ..Budget::default() };
    let large = Archive::new().file("a", &vec![b'x'; 3 << 20]).end();
    assert_eq!(codes(&large[..], budget.clone()), [TooLarge]);
    assert_eq!(codes(&gzip(&large)[..], budget), [TooLarge]);
}

#[test]
fn bomb_stops_at_the_ratio() {
    let bomb = Archive::new().file("a", &vec![0; 16 << 20]).end();
    let budget = Budget { ratio: 100, ratio_floor: 1 << 20, ..Budget::default() };
    assert_eq!(codes(&gzip(&bomb)[..], budget.clone()), [TooLarge]);
    assert_eq!(codes(&zstd::encode_all(&bomb[..], 3).unwrap()[..], budget.clone()), [TooLarge]);
    assert_eq!(codes(&bomb[..], budget), []);
}

#[test]
fn file_beyond_the_budget_is_an_error_of_that_file() {
    let bytes = Archive::new().file("a", &[b'x'; 2000]).file("b", b"2").end();
    let (lines, summary) = list(&bytes[..], Budget { file: 1000, ..Budget::default() });
    assert_eq!(lines, ["file a ! larger than a file may be", "file b 2"]);
    assert_eq!(summary.problems, []);
}

#[test]
fn time_over_stops() {
    let calls = std::cell::Cell::new(0);
    let clock = || {
        calls.set(calls.get() + 1);
        Duration::from_secs(calls.get())
    };
    let budget = Budget { time: Duration::from_secs(3), ..Budget::default() };
    let bytes = Archive::new().file("a", &vec![b'x'; 4 << 20]).end();
    let mut reader = LayerReader::open(&bytes[..], budget, &clock);
    while reader.next_entry().is_some() {}
    let summary = reader.finish();
    let codes: Vec<ProblemCode> = summary.problems.iter().map(|problem| problem.code).collect();
    assert_eq!((codes, summary.diff_id, summary.digest), (vec![TimeExceeded], None, None));
}

#[test]
fn problems_without_end_are_counted() {
    let mut archive = Archive::new();
    for index in 0..1000 {
        archive = archive.file(&format!("../{index}"), b"");
    }
    let (_, summary) = list(&archive.end()[..], Budget { problems: 10, ..Budget::default() });
    assert_eq!(summary.problems.len(), 11);
    assert_eq!(&*summary.problems[10].detail, "990 more problems are not listed");
}
