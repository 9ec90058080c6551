//! Tests of the reader of rpm's databases.

mod berkeley;
mod headers;
mod sqlite_pages;
mod write_ahead;

use super::{LARGEST, Rpm};
use crate::extractor::{Extracted, Extractor, OpenFile};
use crate::listing::{codes, listing};
use crate::testing::extract;
use api_vocab::ProblemCode::{self, Malformed, TooLarge, Truncated};
use proptest::prelude::*;

const PATH: &str = "var/lib/rpm/rpmdb.sqlite";

struct Database {
    path: &'static str,
    bytes: &'static [u8],
    native: &'static str,
}

macro_rules! database {
    ($kind:literal, $folder:literal, $name:literal) => {
        Database {
            path: concat!($folder, $name),
            bytes: include_bytes!(concat!("testdata/", $kind, "/", $name)),
            native: include_str!(concat!("testdata/", $kind, "/rpm-qa")),
        }
    };
}

const DATABASES: [Database; 4] = [
    database!("sqlite", "usr/lib/sysimage/rpm/", "rpmdb.sqlite"),
    database!("ndb", "usr/lib/sysimage/rpm/", "Packages.db"),
    database!("bdb", "var/lib/rpm/", "Packages"),
    database!("bdb-big-endian", "var/lib/rpm/", "Packages"),
];

/// What was extracted, in the words of `generate.sh`'s query to `rpm -qa`.
fn as_rpm_prints_it(extracted: &Extracted) -> Vec<String> {
    let line = |found: &crate::ExtractedPackage| {
        let package = &found.package;
        let epoch = package.version().split_once(':').map_or("(none)", |(epoch, _)| epoch);
        let source_version = package.advisory_version();
        let source_version = source_version.split_once(':').map_or(source_version, |(_, rest)| rest);
        format!(
            "{} {} {} {epoch} {}-{source_version}.src.rpm {}",
            package.name(),
            package.version(),
            package.architecture().unwrap_or("(none)"),
            package.advisory_name(),
            found.licenses.join(" "),
        )
    };
    let mut lines: Vec<String> = extracted.packages.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn paths_wanted_are_those_of_rpm() {
    for path in [
        "var/lib/rpm/Packages",
        "var/lib/rpm/Packages.db",
        PATH,
        "var/lib/rpm/rpmdb.sqlite-wal",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
        "usr/share/rpm/rpmdb.sqlite",
        "var/lib/rpmmanifest/container-manifest-2",
    ] {
        assert!(Rpm.wants(path), "{path}");
    }
    for path in ["var/lib/rpm/Index.db", "var/lib/rpm/x/Packages", "home/var/lib/rpm/Packages", "Packages"] {
        assert!(!Rpm.wants(path), "{path}");
    }
}

/// A file that several extractors want is not streamed, and has a lower limit.
#[test]
fn databases_are_wanted_by_nobody_else() {
    for path in [
        "var/lib/rpm/Packages",
        "usr/lib/sysimage/rpm/Packages.db",
        "usr/share/rpm/rpmdb.sqlite",
        "var/lib/rpmmanifest/container-manifest-2",
        "var/lib/dpkg/status",
        "var/lib/dpkg/status.d/base",
        "lib/apk/db/installed",
        "usr/lib/apk/db/installed",
    ] {
        let extractors = crate::registry::all();
        let wanting = extractors.iter().filter(|extractor| extractor.wants(path));
        assert_eq!(wanting.count(), 1, "{path}");
    }
}

#[test]
fn database_of_each_kind_lists_what_rpm_lists() {
    for database in DATABASES {
        let extracted = extract(&Rpm, database.path, database.bytes);
        assert_eq!(extracted.problems, [], "{}", database.path);
        let mut native: Vec<&str> =
            database.native.lines().filter(|line| !line.starts_with("gpg-pubkey ")).collect();
        native.sort_unstable();
        assert_eq!(as_rpm_prints_it(&extracted), native, "{}", database.path);
    }
}

#[test]
fn database_empty_is_a_problem() {
    assert_eq!(codes(&extract(&Rpm, PATH, b"")), [Malformed]);
    assert_eq!(codes(&extract(&Rpm, PATH, b"neither of them")), [Malformed]);
}

#[test]
fn database_truncated_is_a_problem() {
    for database in DATABASES {
        for kept in 1..8 {
            let bytes = &database.bytes[..database.bytes.len() * kept / 8];
            assert!(!extract(&Rpm, database.path, bytes).problems.is_empty(), "{} {kept}", database.path);
        }
    }
}

#[test]
fn database_too_large_is_refused_unread() {
    let mut content = std::io::repeat(b'x');
    let mut file = OpenFile { path: PATH, size: LARGEST + 1, executable: false, content: &mut content };
    assert_eq!(codes(&Rpm.extract(&mut file)), [TooLarge]);
}

#[test]
fn manifest_typical_lists_what_is_there() {
    let path = "var/lib/rpmmanifest/container-manifest-2";
    let extracted = extract(&Rpm, path, include_bytes!("testdata/manifest/input"));
    assert_eq!(listing(&extracted), include_str!("testdata/manifest/expected"));
    assert_eq!(extracted.problems, []);
}

#[test]
fn manifest_malformed_lines_do_not_spoil_the_others() {
    let path = "var/lib/rpmmanifest/container-manifest-2";
    let text = b"a\t1\n\xff\n\nb\t1-1\t\t\t\t\t\tx86_64\t0\tb-1-1.src.rpm\n\t1-1\t\t\t\t\t\tx86_64\t0\tb\n";
    let extracted = extract(&Rpm, path, text);
    assert_eq!(listing(&extracted), "b 1-1 x86_64 b 1-1\n");
    assert_eq!(codes(&extracted), [Malformed; 3]);
}

#[test]
fn slots_that_share_a_header_are_refused() {
    let database = &DATABASES[1];
    let mut bytes = database.bytes.to_vec();
    let slots = (32..4096).step_by(16);
    let first = slots.clone().find(|at| bytes[at + 4..at + 8] != [0; 4]).unwrap();
    let slot = bytes[first..first + 16].to_vec();
    for at in slots {
        bytes[at..at + 16].copy_from_slice(&slot);
    }
    let extracted = extract(&Rpm, database.path, &bytes);
    assert!(extracted.packages.len() < 64);
    assert!(codes(&extracted).contains(&Malformed));
}

#[test]
fn slots_stated_beyond_the_end_are_truncated() {
    let mut bytes = DATABASES[1].bytes.to_vec();
    bytes[12..16].copy_from_slice(&[0xff; 4]);
    let codes = codes(&extract(&Rpm, DATABASES[1].path, &bytes));
    assert_eq!(codes.first(), Some(&Truncated));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn bytes_of_any_kind_do_not_panic(
        kind in 0..4_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        let start = [&b"SQLite format 3\0\x10\0"[..], b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0", b"", &DATABASES[2].bytes[..32]];
        extract(&Rpm, PATH, &[start[kind], &bytes].concat());
    }

    #[test]
    fn database_mutated_does_not_panic(
        kind in 0..4_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        kept in any::<prop::sample::Index>(),
    ) {
        let mut bytes = DATABASES[kind].bytes.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(kept.index(2 * bytes.len()));
        let extracted = extract(&Rpm, PATH, &bytes);
        prop_assert!(extracted.packages.len() <= 16);
    }

    /// Where the structures are: changes in the first bytes of a page hit links and counts.
    #[test]
    fn database_with_links_mutated_does_not_panic(
        kind in 0..4_usize,
        changes in proptest::collection::vec((0..16_usize, 0..64_usize, 0..20_u8), 1..6),
    ) {
        let mut bytes = DATABASES[kind].bytes.to_vec();
        for (page, at, byte) in changes {
            if let Some(place) = bytes.get_mut(page * 4096 + at) {
                *place = byte;
            }
        }
        extract(&Rpm, PATH, &bytes);
    }
}

/// Problems by code, so that tests read as a sentence.
fn has(extracted: &Extracted, code: ProblemCode) -> bool {
    codes(extracted).contains(&code)
}
