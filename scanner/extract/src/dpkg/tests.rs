//! Tests of the reader of dpkg's database.

use super::Dpkg;
use crate::extractor::Extractor;
use crate::listing::{codes, listing};
use crate::testing::extract;
use api_vocab::ProblemCode::{Malformed, TooManyEntries, Truncated};
use proptest::prelude::*;

const PATH: &str = "var/lib/dpkg/status";
const TYPICAL: &[u8] = include_bytes!("testdata/typical/input");

#[test]
fn paths_wanted_are_those_of_dpkg() {
    for path in [
        PATH,
        "var/lib/dpkg/status.d/libc6",
        "var/lib/dpkg/status.d/bGliYzY=",
        "var/lib/dpkg/status.d/libc6.md5sums",
        "var/lib/dpkg/info/libc6:amd64.list",
        "var/lib/dpkg/info/python3.11.md5sums",
    ] {
        assert!(Dpkg.wants(path), "{path}");
    }
    for path in [
        "var/lib/dpkg/status-old",
        "var/lib/dpkg/status.d/",
        "var/lib/dpkg/status.d/a/b",
        "var/lib/dpkg/info/libc6:amd64.postinst",
        "var/lib/dpkg/info/.list",
        "var/lib/dpkg/info/a/b.list",
        "home/var/lib/dpkg/status",
    ] {
        assert!(!Dpkg.wants(path), "{path}");
    }
}

#[test]
fn status_typical_lists_what_is_there() {
    let extracted = extract(&Dpkg, PATH, TYPICAL);
    assert_eq!(listing(&extracted), include_str!("testdata/typical/expected"));
    assert_eq!(extracted.problems, []);
}

#[test]
fn lists_of_files_tell_those_that_tell_of_packages() {
    let list =
        b"/.\n/usr/lib/python3/dist-packages/six.py\n/usr/lib/python3/dist-packages/six-1.16.0.egg-info\n";
    let sums = b"0123456789abcdef0123456789abcdef  usr/lib/python3/dist-packages/six-1.16.0.egg-info\n\
        0123456789abcdef0123456789abcdef usr/lib/one-space.egg-info\nshort\n\xff\n";
    for (path, text) in [
        ("var/lib/dpkg/info/python3-six.list", &list[..]),
        ("var/lib/dpkg/info/python3-six:all.list", &list[..list.len() - 1]),
        ("var/lib/dpkg/info/python3-six.md5sums", sums),
        ("var/lib/dpkg/status.d/python3-six.md5sums", sums),
    ] {
        let extracted = extract(&Dpkg, path, text);
        assert_eq!(extracted.problems, []);
        let [owned] = extracted.owned.as_slice() else { panic!("{path}: {extracted:?}") };
        assert_eq!(&*owned.owner, "python3-six");
        assert_eq!(owned.paths, [Box::from("usr/lib/python3/dist-packages/six-1.16.0.egg-info")], "{path}");
    }
    assert_eq!(extract(&Dpkg, "var/lib/dpkg/info/libc6.list", b"/lib/libc.so.6\n"), Default::default());
}

#[test]
fn status_empty_has_nothing() {
    assert_eq!(extract(&Dpkg, PATH, b""), Default::default());
}

#[test]
fn stanza_without_status_is_there() {
    let extracted = extract(&Dpkg, "var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 12.4");
    assert_eq!(listing(&extracted), "base-files 12.4 - base-files 12.4\n");
    assert_eq!(extracted.problems, []);
}

#[test]
fn status_truncated_says_so() {
    let extracted = extract(&Dpkg, PATH, b"Package: a\nVersion: 1\n\nPackage: b\nVers");
    assert_eq!(listing(&extracted), "a 1 - a 1\n");
    assert_eq!(codes(&extracted), [Malformed, Malformed, Truncated]);
}

#[test]
fn status_malformed_stanzas_do_not_spoil_the_others() {
    let extracted = extract(&Dpkg, PATH, include_bytes!("testdata/malformed/input"));
    assert_eq!(listing(&extracted), include_str!("testdata/malformed/expected"));
    assert_eq!(codes(&extracted), [Malformed; 7]);
}

#[test]
fn presence_follows_the_state() {
    let listed = |status: &str| {
        let text = format!("Package: a\nVersion: 1\nStatus: {status}\n\n");
        !extract(&Dpkg, PATH, text.as_bytes()).packages.is_empty()
    };
    for state in ["installed", "half-installed", "unpacked", "half-configured", "triggers-awaited"] {
        assert!(listed(&format!("install ok {state}")), "{state}");
    }
    assert!(listed("hold ok installed"));
    assert!(listed("deinstall ok installed"));
    assert!(!listed("deinstall ok config-files"));
    assert!(!listed("unknown ok not-installed"));
}

#[test]
fn source_is_named_where_it_differs() {
    let source = |fields: &str| {
        let extracted = extract(&Dpkg, PATH, format!("Package: a\n{fields}\n\n").as_bytes());
        listing(&extracted).split_once(" - ").map(|(_, source)| source.trim_end().to_owned()).unwrap()
    };
    assert_eq!(source("Version: 1-1"), "a 1-1");
    assert_eq!(source("Version: 1-1+b2"), "a 1-1");
    assert_eq!(source("Version: 1-1+b"), "a 1-1+b");
    assert_eq!(source("Version: 1-1+b2\nSource: s"), "s 1-1");
    assert_eq!(source("Version: 1-1+b2\nSource: s (3)"), "s 3");
    assert_eq!(source("Version: 2:1-1\nSource: a (1-1)"), "a 1-1");
}

#[test]
fn line_of_a_gigabyte_costs_little() {
    let start = &b"Package: a\nDescription: "[..];
    let end = &b"\nVersion: 1\n\n"[..];
    let long = std::io::repeat(b'x');
    let mut content =
        std::io::Read::chain(std::io::Read::chain(start, std::io::Read::take(long, 100 << 20)), end);
    let mut file = crate::OpenFile { path: PATH, size: 0, executable: false, content: &mut content };
    assert_eq!(listing(&Dpkg.extract(&mut file)), "a 1 - a 1\n");
}

#[test]
fn field_too_long_is_a_problem() {
    let text = format!("Package: {}\nVersion: 1\n\nPackage: b\nVersion: 2\n\n", "x".repeat(1 << 20));
    let extracted = extract(&Dpkg, PATH, text.as_bytes());
    assert_eq!(listing(&extracted), "b 2 - b 2\n");
    assert_eq!(codes(&extracted), [Malformed, Malformed]);
}

#[test]
fn packages_without_end_are_bounded() {
    let text = "Package: a\nVersion: 1\n\n".repeat(100_001);
    let extracted = extract(&Dpkg, PATH, text.as_bytes());
    assert_eq!((extracted.packages.len(), codes(&extracted)), (100_000, vec![TooManyEntries]));
}

#[test]
fn packages_with_long_names_are_bounded_by_their_memory() {
    let (name, version) = ("a".repeat(1024), "1".repeat(1024));
    let text = format!("Package: {name}\nVersion: {version}\nSource: s{name}\n\n").repeat(10);
    let extracted = extract(&Dpkg, PATH, text.as_bytes());
    assert_eq!(codes(&extracted).last(), Some(&Malformed), "the source's name is too long");
    let text = format!("Package: {name}\nVersion: {version}\nSource: {version}\n\n").repeat(10_000);
    let extracted = extract(&Dpkg, PATH, text.as_bytes());
    assert_eq!(codes(&extracted), [TooManyEntries]);
    assert!(crate::weight::of_extracted(PATH, &extracted) <= 33 << 20);
}

#[test]
fn list_of_files_without_end_is_bounded_by_its_memory() {
    let path = format!("/opt/{}/node_modules/x/package.json\n", "x".repeat(3000));
    let list = extract(&Dpkg, "var/lib/dpkg/info/a.list", path.repeat(20_000).as_bytes());
    assert!(!list.owned.is_empty() && crate::weight::of_extracted(PATH, &list) <= 17 << 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_of_any_kind_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        extract(&Dpkg, PATH, &bytes);
    }

    #[test]
    fn status_mutated_does_not_panic(at in 0..TYPICAL.len(), byte: u8, end in 0..TYPICAL.len()) {
        let mut bytes = TYPICAL.to_vec();
        bytes[at] = byte;
        bytes.truncate(end);
        prop_assert!(extract(&Dpkg, PATH, &bytes).packages.len() <= 8);
    }
}
