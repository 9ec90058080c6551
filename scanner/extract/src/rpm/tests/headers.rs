//! Tests of the reader of package headers.

use crate::rpm::header::{Header, HeaderError};
use api_vocab::Package;
use proptest::prelude::*;

/// A header of these tags: number, type, value.
fn header(tags: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let (mut index, mut values) = (Vec::new(), Vec::new());
    for (tag, kind, value) in tags {
        for number in [*tag, *kind, values.len() as u32, 1] {
            index.extend(number.to_be_bytes());
        }
        values.extend(*value);
    }
    let counts = [tags.len() as u32, values.len() as u32].map(u32::to_be_bytes).concat();
    [counts, index, values].concat()
}

const NAME: (u32, u32, &[u8]) = (1000, 6, b"a\0");
const VERSION: (u32, u32, &[u8]) = (1001, 6, b"1\0");
const RELEASE: (u32, u32, &[u8]) = (1002, 6, b"2\0");

fn package(tags: &[(u32, u32, &[u8])]) -> Result<Package, HeaderError> {
    Header::parse(&header(tags))?.package().map(|found| found.package)
}

#[test]
fn header_typical_is_a_package() {
    let tags = [NAME, VERSION, RELEASE, (1003, 4, &[0, 0, 0, 7]), (1044, 6, b"b-c-3-4.el9.src.rpm\0")];
    let package = package(&tags).unwrap();
    assert_eq!((package.name(), package.version()), ("a", "7:1-2"));
    assert_eq!((package.advisory_name(), package.advisory_version()), ("b-c", "7:3-4.el9"));
}

#[test]
fn header_without_source_is_its_own() {
    for source in [&b"(none)\0"[..], b"odd.src.rpm\0", b"\0", b"a-1-2.src.rpm\0"] {
        let package = package(&[NAME, VERSION, RELEASE, (1044, 6, source)]).unwrap();
        assert_eq!(package.source(), None);
    }
}

#[test]
fn header_of_a_key_is_told_apart() {
    let bytes = header(&[(1000, 6, b"gpg-pubkey\0"), VERSION, RELEASE]);
    assert!(Header::parse(&bytes).unwrap().is_key());
}

#[test]
fn header_incomplete_is_malformed() {
    assert!(package(&[]).is_err());
    assert!(package(&[NAME, VERSION]).is_err());
    assert!(Header::parse(b"").is_err());
    assert!(Header::parse(&[0; 7]).is_err());
    let whole = header(&[NAME, VERSION, RELEASE]);
    for len in 0..whole.len() {
        assert!(Header::parse(&whole[..len]).is_err(), "{len}");
    }
}

#[test]
fn header_hostile_is_malformed() {
    assert!(package(&[NAME, NAME, VERSION, RELEASE]).is_err());
    assert!(package(&[(1000, 4, b"a\0"), VERSION, RELEASE]).is_err());
    assert!(package(&[VERSION, RELEASE, (1000, 6, b"unended")]).is_err());
    assert!(package(&[(1000, 6, b"\x1b[2J\0"), VERSION, RELEASE]).is_err());
    assert!(package(&[(1000, 6, b"\xff\0"), VERSION, RELEASE]).is_err());
    let counts_too_high = [[0xff; 8].as_slice(), &[0; 64]].concat();
    assert!(Header::parse(&counts_too_high).is_err());
}

/// A header of these tags: number, type, count, value.
fn header_of_lists(tags: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
    let plain: Vec<(u32, u32, &[u8])> =
        tags.iter().map(|(tag, kind, _, value)| (*tag, *kind, *value)).collect();
    let mut bytes = header(&plain);
    for (at, (_, _, count, _)) in tags.iter().enumerate() {
        bytes[8 + at * 16 + 12..8 + at * 16 + 16].copy_from_slice(&count.to_be_bytes());
    }
    bytes
}

#[test]
fn header_lists_files_that_tell_of_packages() {
    let (indexes, names): (&[u8], &[u8]) =
        (&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], b"METADATA\0METADATA\0six.py\0");
    let folders: &[u8] = b"/usr/share/doc/six/\0/usr/lib/python3.9/site-packages/six-1.15.0.dist-info/\0";
    let owned = |tags: &[(u32, u32, u32, &[u8])]| -> Vec<Box<str>> {
        Header::parse(&header_of_lists(tags)).unwrap().owned().into_iter().collect()
    };
    let found = owned(&[(1116, 4, 3, indexes), (1117, 8, 3, names), (1118, 8, 2, folders)]);
    assert_eq!(found, [Box::from("usr/lib/python3.9/site-packages/six-1.15.0.dist-info/METADATA")]);
    for malformed in [
        &[(1117, 8, 3, names), (1118, 8, 2, folders)][..],
        &[(1116, 4, 3, indexes), (1117, 8, 3, names), (1118, 8, 1, folders)],
        &[(1116, 8, 3, indexes), (1117, 8, 3, names), (1118, 8, 2, folders)],
        &[(1116, 4, 3, &indexes[..2]), (1117, 8, 3, names), (1118, 8, 2, b"unended")],
    ] {
        assert_eq!(owned(malformed), [] as [Box<str>; 0]);
    }
    let many =
        owned(&[(1116, 4, u32::MAX, indexes), (1117, 8, u32::MAX, names), (1118, 8, u32::MAX, folders)]);
    assert_eq!(many.len(), 1);
}

#[test]
fn files_of_a_long_folder_are_bounded_by_their_memory() {
    let folder = format!("/opt/{}/node_modules/x/\0", "x".repeat(3000));
    let names = "package.json\0".repeat(20_000);
    let bytes = header_of_lists(&[
        (1116, 4, 20_000, &vec![0; 80_000]),
        (1117, 8, 20_000, names.as_bytes()),
        (1118, 8, 1, folder.as_bytes()),
    ]);
    let paths: Vec<Box<str>> = Header::parse(&bytes).unwrap().owned().into_iter().collect();
    let bytes: usize = paths.iter().map(|path| path.len()).sum();
    assert!((1 << 20..=16 << 20).contains(&bytes), "{bytes}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn tags_of_any_kind_do_not_panic(tags in proptest::collection::vec((prop_oneof![995..1050_u32, 1114..1120_u32], 0..11_u32, any::<u32>(), any::<u32>()), 0..12)) {
        let mut bytes = [tags.len() as u32, 16].map(u32::to_be_bytes).concat();
        for (tag, kind, offset, count) in tags {
            for number in [tag, kind, offset % 20, count] {
                bytes.extend(number.to_be_bytes());
            }
        }
        bytes.extend(*b"text\0a\0bcd\0\0\0\0\x01-");
        let _ = Header::parse(&bytes).map(|header| header.owned());
        let _ = Header::parse(&bytes).and_then(|header| header.package());
    }
}
