//! Files with holes, right and wrong, against what Go's archive/tar reads (`testdata/sparse/make.py`).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests end where they go wrong"
)]

mod archive;

use api_vocab::ProblemCode::{self, TooLarge};
use api_vocab::{Algorithm, Digest};
use archive::{Archive, gzip};
use scanner_rootfs::{Budget, Kind, LayerReader};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a reader makes of an archive: `name size sha256` of each file, and whether it saw nothing
/// wrong.
#[derive(Debug, PartialEq, Eq, Default)]
struct Listing {
    files: Vec<String>,
    clean: bool,
}

fn listing(source: impl Read, budget: Budget) -> (Listing, Vec<ProblemCode>) {
    let clock = || Duration::ZERO;
    let mut reader = LayerReader::open(source, budget, &clock);
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    while let Some(mut entry) = reader.next_entry() {
        let Kind::File { size, .. } = entry.kind else { continue };
        let mut content = Vec::new();
        match entry.content.read_to_end(&mut content) {
            Ok(read) => {
                assert_eq!(read as u64, size);
                let hash = Digest::of(Algorithm::Sha256, &content).hex();
                files.push(format!("{} {size} {hash}", entry.path));
            }
            Err(error) => failures.push(format!("{} {error}", entry.path)),
        }
    }
    let problems: Vec<ProblemCode> = reader.finish().problems.iter().map(|problem| problem.code).collect();
    (Listing { files, clean: problems.is_empty() && failures.is_empty() }, problems)
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/sparse")
}

fn peers_listings() -> Vec<(String, Listing)> {
    let text = std::fs::read_to_string(testdata().join("go.txt")).unwrap();
    let mut listings: Vec<(String, Listing)> = Vec::new();
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("  ") {
            listings.last_mut().unwrap().1.files.push(file.to_owned());
        } else {
            let (case, end) = line.split_once(' ').unwrap();
            listings.push((case.to_owned(), Listing { files: Vec::new(), clean: end == "read" }));
        }
    }
    listings
}

#[test]
fn archive_with_holes_is_read_as_the_runtimes_do_or_is_told() {
    let mut kinds = BTreeMap::new();
    for (case, peer) in peers_listings() {
        let stored = std::fs::read(testdata().join(format!("{case}.tar.gz"))).unwrap();
        let (own, _) = listing(&stored[..], Budget::default());
        let kind = case.split('-').next().unwrap().to_owned();
        match kind.as_str() {
            "good" => assert_eq!(own, peer, "{case}"),
            // Where Go reads on, another reader sees something else.
            "strict" => assert!(peer.clean && !own.clean, "{case}"),
            "bad" => assert!(!peer.clean && !own.clean, "{case}"),
            "random" if own.clean => assert_eq!(own, peer, "{case}"),
            "random" => {}
            _ => panic!("{case}: what kind of case is this?"),
        }
        // However wrong the map, what follows its file is found.
        let goes_on = own.files.iter().any(|file| file.starts_with("after "));
        assert!(goes_on || kind == "random", "{case}");
        *kinds.entry(kind).or_insert(0) += 1;
    }
    assert!(kinds["good"] > 20 && kinds["bad"] > 40 && kinds["strict"] > 10, "{kinds:?}");
}

/// A file of `size` bytes, of which the first is in the archive.
fn mostly_hole(size: u64) -> Archive {
    let size = size.to_string();
    let records =
        [("GNU.sparse.size", size.as_str()), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "0,1")];
    Archive::new().pax(&records).file("holes", b"x").file("after", b"after")
}

#[test]
fn hole_beyond_what_a_file_may_have_is_not_begun() {
    for size in [2000, i64::MAX as u64] {
        let bytes = mostly_hole(size).end();
        let clock = || Duration::ZERO;
        let mut reader = LayerReader::open(&bytes[..], Budget { file: 1000, ..Budget::default() }, &clock);
        let mut entry = reader.next_entry().unwrap();
        assert_eq!(entry.kind, Kind::File { size, executable: false });
        let mut content = Vec::new();
        let error = entry.content.read_to_end(&mut content).unwrap_err();
        assert_eq!((error.kind(), content.len()), (io::ErrorKind::FileTooLarge, 0));
        assert_eq!(reader.next_entry().unwrap().path, "after");
        assert_eq!(reader.finish().problems, []);
    }
}

/// Each file is within its limit; all of them together would take the scanner hours.
#[test]
fn holes_of_many_files_count_against_the_layer() {
    let one = mostly_hole(1 << 20).bytes;
    let bytes = Archive { bytes: one.repeat(100) }.end();
    let budget = Budget { ratio: 1, ratio_floor: 8 << 20, ..Budget::default() };
    for stored in [bytes.clone(), gzip(&bytes)] {
        let (own, problems) = listing(&stored[..], budget.clone());
        let whole = own.files.iter().filter(|file| file.starts_with("holes")).count();
        assert!((1..=8).contains(&whole), "{whole}");
        assert_eq!(own.files.len() - whole, 100);
        assert!(!own.clean && problems.iter().all(|code| *code != TooLarge));
    }
}

#[test]
fn map_without_end_ends_the_layer() {
    let mut archive = Archive::new().entry(b'S', b"a", b"", b"", |header| {
        archive::gnu(header);
        header[482] = 1;
    });
    let mut block = [b'0'; 512];
    block[504] = 1;
    archive.bytes.extend(block.repeat(3000));
    assert_eq!(listing(&archive.end()[..], Budget::default()).1, [TooLarge]);
}
