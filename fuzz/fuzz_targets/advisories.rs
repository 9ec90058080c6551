//! Any bytes as an advisory and as an index: no panic, neither when read nor when asked; a record
//! that was taken makes an index that opens again.

#![no_main]

use api_vocab::{Package, Timestamp};
use core_advisories::{Imported, Index, IndexBuilder};
use libfuzzer_sys::fuzz_target;

const ASKED: &[(&str, &str, &str)] = &[
    ("Debian:12", "openssl", "3.0.11-1~deb12u1"),
    ("Alpine:v3.18", "busybox", "1.36.1-r0"),
    ("AlmaLinux:9", "glibc", "0:2.34-28.el9_0"),
    ("PyPI", "jinja2", "2.10"),
    ("npm", "lodash", "4.17.15"),
    ("Maven", "org.apache.logging.log4j:log4j-core", "2.14.1"),
    ("Go", "stdlib", "1.20"),
    ("crates.io", "time", "0.1.43"),
];

fuzz_target!(|bytes: &[u8]| {
    if let Ok(index) = Index::from_bytes(bytes.to_vec(), "fuzz") {
        ask(&index);
    }
    let (mut builder, mut imported) = (IndexBuilder::new("fuzz"), Imported::default());
    builder.import_record("fuzz", bytes, &mut imported);
    let built = builder.build(Timestamp::default()).unwrap();
    ask(&built);
    let opened = Index::from_bytes(built.as_bytes().to_vec(), "fuzz").unwrap();
    assert!(opened.changes_since(&built).is_empty());
});

fn ask(index: &Index) {
    for (ecosystem, name, version) in ASKED {
        let package = Package::new(ecosystem.parse().unwrap(), name, version).unwrap();
        let _ = index.find(&package);
    }
}
