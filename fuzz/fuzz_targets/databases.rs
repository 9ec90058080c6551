//! Any bytes as a package database or a distribution's description: no panic, and problems only
//! of this file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scanner_extract::{OpenFile, registry};

/// A database is refused by all readers but its own, so that each seed reaches its reader.
const PATHS: &[&str] = &[
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/a.list",
    "var/lib/dpkg/info/a.md5sums",
    "lib/apk/db/installed",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpmmanifest/container-manifest-2",
    "etc/os-release",
];

fuzz_target!(|bytes: &[u8]| {
    let extractors = registry::all();
    for path in PATHS {
        for extractor in extractors.iter().filter(|extractor| extractor.wants(path)) {
            let (size, mut content) = (bytes.len() as u64, bytes);
            let mut file = OpenFile { path, size, executable: false, content: &mut content };
            let extracted = extractor.extract(&mut file);
            assert!(extracted.problems.iter().all(|problem| problem.path.starts_with(path)));
        }
    }
});
