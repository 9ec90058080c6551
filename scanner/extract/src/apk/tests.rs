//! Tests of the reader of apk's database.

use super::Apk;
use crate::extractor::Extractor;
use crate::listing::{codes, listing};
use crate::testing::extract;
use api_vocab::ProblemCode::{Malformed, Truncated};
use proptest::prelude::*;

const PATH: &str = "lib/apk/db/installed";
const TYPICAL: &[u8] = include_bytes!("testdata/typical/input");

#[test]
fn paths_wanted_are_those_of_apk() {
    assert!(Apk.wants(PATH));
    assert!(Apk.wants("usr/lib/apk/db/installed"));
    assert!(!Apk.wants("lib/apk/db/installed.new"));
    assert!(!Apk.wants("home/lib/apk/db/installed"));
}

#[test]
fn installed_typical_lists_what_is_there() {
    let extracted = extract(&Apk, PATH, TYPICAL);
    assert_eq!(listing(&extracted), include_str!("testdata/typical/expected"));
    assert_eq!(extracted.problems, []);
    let licenses: Vec<&str> = extracted.packages.iter().flat_map(|p| &p.licenses).map(|l| &**l).collect();
    assert_eq!(licenses, ["GPL-2.0-only", "Apache-2.0", "GPL-2.0-only"]);
}

#[test]
fn installed_empty_has_nothing() {
    assert_eq!(extract(&Apk, PATH, b""), Default::default());
}

#[test]
fn installed_truncated_says_so() {
    let extracted = extract(&Apk, PATH, b"P:a\nV:1-r0\n\nP:b\nV");
    assert_eq!(listing(&extracted), "a 1-r0 - a 1-r0\n");
    assert_eq!(codes(&extracted), [Malformed, Malformed, Truncated]);
}

#[test]
fn installed_malformed_records_do_not_spoil_the_others() {
    let extracted = extract(&Apk, PATH, include_bytes!("testdata/malformed/input"));
    assert_eq!(listing(&extracted), include_str!("testdata/malformed/expected"));
    assert_eq!(codes(&extracted), [Malformed; 6]);
}

#[test]
fn record_hostile_is_refused() {
    let text = format!("P:\u{1b}[2J\nV:1\n\nP:a\nV:{}\n\nP:b\nV:1\nL:\u{7}\n\n", "9".repeat(1 << 20));
    let extracted = extract(&Apk, PATH, text.as_bytes());
    assert_eq!(listing(&extracted), "b 1 - b 1\n");
    assert!(extracted.packages[0].licenses.is_empty());
    assert_eq!(codes(&extracted), [Malformed; 3]);
}

#[test]
fn files_of_a_long_folder_are_bounded_by_their_memory() {
    let folder = format!("opt/{}/node_modules/x", "x".repeat(3000));
    let text = format!("P:a\nV:1-r0\nF:{folder}\n{}\n", "R:package.json\n".repeat(100_000));
    let extracted = extract(&Apk, PATH, text.repeat(3).as_bytes());
    assert_eq!(extracted.packages.len(), 3);
    assert!(!extracted.owned.is_empty());
    assert!(crate::weight::of_extracted(PATH, &extracted) <= 17 << 20);
}

#[test]
fn file_of_a_folder_too_long_is_nobodys() {
    let folder = format!("opt/{}/node_modules/x", "x".repeat(5000));
    let extracted = extract(&Apk, PATH, format!("P:a\nV:1-r0\nF:{folder}\nR:package.json\n\n").as_bytes());
    assert!(extracted.owned.is_empty() && extracted.packages.len() == 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_of_any_kind_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        extract(&Apk, PATH, &bytes);
    }

    #[test]
    fn installed_mutated_does_not_panic(at in 0..TYPICAL.len(), byte: u8, end in 0..TYPICAL.len()) {
        let mut bytes = TYPICAL.to_vec();
        bytes[at] = byte;
        bytes.truncate(end);
        prop_assert!(extract(&Apk, PATH, &bytes).packages.len() <= 5);
    }
}
