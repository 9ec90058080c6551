//! The index under bad luck: damaged files, odd feeds, changes between revisions.

use crate::cases::index_of;
use crate::{Imported, Index, IndexBuilder, IndexError};
use api_vocab::{Package, Timestamp, sha256};
use proptest::prelude::*;
use serde_json::json;
use std::io::{Cursor, Write};
use std::path::Path;

fn record(id: &str, name: &str, fixed: &str, modified: &str) -> serde_json::Value {
    json!({"id": id, "modified": modified, "affected": [{"package": {"ecosystem": "npm", "name": name},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
}

fn npm(name: &str) -> Package {
    Package::new("npm".parse().unwrap(), name, "1.0.0").unwrap()
}

fn small() -> Index {
    index_of(&json!([
        record("GHSA-1", "a", "2.0.0", "2024-01-01T00:00:00Z"),
        record("GHSA-2", "b", "1.5.0", "2024-01-01T00:00:00Z"),
        record("GHSA-3", "a", "3.0.0", "2024-01-01T00:00:00Z"),
    ]))
    .0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn index_damaged_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let mut bytes = small().as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Index::from_bytes(bytes, "damaged").is_err());
    }

    #[test]
    fn index_cut_or_extended_is_refused(at in any::<prop::sample::Index>(), more in prop::collection::vec(any::<u8>(), 1..40)) {
        let bytes = small().as_bytes().to_vec();
        let cut = bytes[..at.index(bytes.len())].to_vec();
        prop_assert!(Index::from_bytes(cut, "cut").is_err());
        prop_assert!(Index::from_bytes([bytes, more].concat(), "extended").is_err());
    }

    #[test]
    fn index_forged_never_panics(at in any::<prop::sample::Index>(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = small().as_bytes().to_vec();
        let start = at.index(bytes.len());
        for (flip, value) in flips {
            let place = flip.index(bytes.len() - start) + start;
            bytes[place] = value;
        }
        forge_checksums(&mut bytes);
        if let Ok(index) = Index::from_bytes(bytes, "forged") {
            index.find(&npm("a"));
            index.find(&npm("b"));
            index.changes_since(&small());
        }
    }

    #[test]
    fn record_of_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut builder, mut imported) = (IndexBuilder::new("test"), Imported::default());
        builder.import_record("any", &bytes, &mut imported);
        prop_assert_eq!(imported.records + imported.broken, 1);
    }
}

/// As an attacker would who may write to the data directory.
fn forge_checksums(bytes: &mut [u8]) {
    let summary = usize::try_from(u32::from_le_bytes(bytes[12..16].try_into().unwrap())).unwrap();
    let Some(body) = bytes.get(56 + summary + 32..) else { return };
    let sum = sha256(body);
    bytes[24..56].copy_from_slice(&sum);
    let head = sha256(&bytes[..56 + summary]);
    bytes[56 + summary..56 + summary + 32].copy_from_slice(&head);
}

#[test]
fn index_of_same_records_has_same_revision() {
    let records = [
        record("GHSA-1", "a", "2.0.0", "2024-01-01T00:00:00Z"),
        record("GHSA-2", "b", "1.5.0", "2024-01-01T00:00:00Z"),
    ];
    let one = index_of(&json!(records)).0;
    let other = index_of(&json!([records[1], records[0], records[1]])).0;
    assert_eq!(one.revision(), other.revision());
    assert_eq!(one.newest(), Some("2024-01-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn changes_name_only_what_differs() {
    let old = small();
    let new = index_of(&json!([
        record("GHSA-1", "a", "2.0.1", "2024-02-01T00:00:00Z"),
        record("GHSA-2", "b", "1.5.0", "2024-02-01T00:00:00Z"),
        record("GHSA-3", "a", "3.0.0", "2024-01-01T00:00:00Z"),
        record("GHSA-4", "c", "3.0.0", "2024-02-01T00:00:00Z"),
    ]))
    .0;
    let changes = new.changes_since(&old);
    assert!(changes.touch(&npm("a")) && changes.touch(&npm("c")));
    assert!(!changes.touch(&npm("b")), "only the time of modification differs");
    assert!(!changes.touch(&npm("d")));
    assert!(old.changes_since(&old).is_empty());
    assert_eq!(old.changes_since(&new).len(), 2);
}

#[test]
fn index_written_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("advisories.index");
    let (mut builder, mut imported) = (IndexBuilder::new("file:///feeds"), Imported::default());
    let json = record("GHSA-1", "a", "2.0.0", "2024-01-01T00:00:00Z").to_string();
    builder.import_record("a", json.as_bytes(), &mut imported);
    let written = builder.write(&path, Timestamp::from_millis(7)).unwrap();
    let opened = Index::open(&path).unwrap();
    assert_eq!(opened.revision(), written.revision());
    assert_eq!((opened.origin(), opened.built_at()), ("file:///feeds", Timestamp::from_millis(7)));
    assert_eq!(opened.find(&npm("a")).findings.len(), 1);
    opened.rest();
    assert_eq!(opened.find(&npm("a")).findings.len(), 1, "what was given back is read again");
    std::fs::write(folder.path().join("empty"), "").unwrap();
    assert!(matches!(Index::open(&folder.path().join("empty")), Err(IndexError::NotAnIndex { .. })));
    assert!(matches!(Index::open(&folder.path().join("none")), Err(IndexError::Open { .. })));
}

fn zip_of(records: &[(&str, String)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, json) in records {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(json.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn feed_in_each_layout_is_read() {
    let record = |id: &str| record(id, "a", "2.0.0", "2024-01-01T00:00:00Z").to_string();
    let folder = tempfile::tempdir().unwrap();
    let zip = zip_of(&[("GHSA-1.json", record("GHSA-1")), ("README.md", "text".into())]);
    std::fs::create_dir(folder.path().join("npm")).unwrap();
    std::fs::write(folder.path().join("npm/all.zip"), &zip).unwrap();
    std::fs::write(folder.path().join("flat.zip"), zip_of(&[("GHSA-2.json", record("GHSA-2"))])).unwrap();
    std::fs::write(folder.path().join("GHSA-3.json"), record("GHSA-3")).unwrap();
    let mut builder = IndexBuilder::new("test");
    assert_eq!(builder.import_path(folder.path()).unwrap().records, 3);
    let index = builder.build(Timestamp::from_millis(1)).unwrap();
    assert_eq!(index.find(&npm("a")).findings.len(), 3);
}

#[test]
fn zip_damaged_is_refused_as_a_whole() {
    let zip = zip_of(&[("a.json", record("GHSA-1", "a", "2.0.0", "2024-01-01T00:00:00Z").to_string())]);
    let import =
        |bytes: Vec<u8>| IndexBuilder::new("test").import_zip(Path::new("x.zip"), Cursor::new(bytes));
    assert!(import(zip.clone()).is_ok());
    assert!(import(zip[..zip.len() / 2].to_vec()).is_err());
    let mut flipped = zip;
    flipped[60] ^= 0xff;
    assert!(import(flipped).is_err());
}

#[test]
fn builder_of_some_families_keeps_only_those() {
    let mut builder = IndexBuilder::new("test").only([api_vocab::Family::Debian]);
    let mut imported = Imported::default();
    let json = record("GHSA-1", "a", "2.0.0", "2024-01-01T00:00:00Z").to_string();
    builder.import_record("a", json.as_bytes(), &mut imported);
    assert_eq!(builder.build(Timestamp::from_millis(1)).unwrap().advisories(), 0);
}
