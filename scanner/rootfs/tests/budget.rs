//! Archives that are too much: reading ends within the budget, and says so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

mod archive;
mod listing;

use api_vocab::ProblemCode::{self, TimeExceeded, TooLarge, TooManyEntries};
use archive::many::ManyFiles;
use archive::over::Over;
use archive::{Archive, gzip};
use listing::list;
use scanner_rootfs::{Budget, LayerReader};
use std::io::Read;
use std::time::Duration;

fn codes(source: impl Read, budget: Budget) -> Vec<ProblemCode> {
    list(source, budget).1.problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn entries_without_end_stop_at_the_budget() {
    let budget = Budget { entries: 100_000, ..Budget::default() };
    let clock = || Duration::ZERO;
    let mut reader = LayerReader::open(ManyFiles::new(100_999), budget, &clock);
    let mut last = String::new();
    while let Some(entry) = reader.next_entry() {
        last.clear();
        last.push_str(entry.path);
    }
    let summary = reader.finish();
    assert_eq!((last.as_str(), summary.problems[0].code), ("many/00099999", TooManyEntries));
    assert_eq!((summary.problems.len(), summary.bytes), (1, 101_001 * 512));
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
fn members_that_hold_nothing_stop_at_the_budget() {
    let skipped = [&b"\x50\x2a\x4d\x18\xf0\xff\0\0"[..], &[0; 0xfff0]].concat();
    for one in [gzip(b"").repeat(1000), zstd::encode_all(&b""[..], 3).unwrap().repeat(1000), skipped] {
        let calls = std::cell::Cell::new(0);
        let clock = || {
            calls.set(calls.get() + 1);
            Duration::from_secs(calls.get())
        };
        let of_time = Budget { time: Duration::from_secs(30), ..Budget::default() };
        let reader = LayerReader::open(Over::again(one.clone()), of_time, &clock);
        assert_eq!(reader.finish().problems[0].code, TimeExceeded);
        assert_eq!(codes(Over::again(one), Budget { bytes: 4 << 20, ..Budget::default() }), [TooLarge]);
    }
}

#[test]
fn members_that_explode_together_stop_at_the_ratio() {
    let one = gzip(&Archive::new().file("a", &vec![0; 1 << 20]).bytes);
    let budget = Budget { ratio: 100, ratio_floor: 32 << 20, bytes: 64 << 20, ..Budget::default() };
    assert_eq!(codes(Over::again(one), budget), [TooLarge]);
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
