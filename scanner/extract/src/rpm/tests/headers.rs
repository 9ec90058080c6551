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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn tags_of_any_kind_do_not_panic(tags in proptest::collection::vec((995..1050_u32, 0..11_u32, any::<u32>(), any::<u32>()), 0..12)) {
        let mut bytes = [tags.len() as u32, 16].map(u32::to_be_bytes).concat();
        for (tag, kind, offset, count) in tags {
            for number in [tag, kind, offset % 20, count] {
                bytes.extend(number.to_be_bytes());
            }
        }
        bytes.extend(*b"text\0a\0bcd\0\0\0\0\x01-");
        let _ = Header::parse(&bytes).and_then(|header| header.package());
    }
}
