//! Any bytes as a layer: no panic, no name that leaves the root, nothing beyond the budget.

#![no_main]

#[path = "parts/signed.rs"]
mod signed;

use libfuzzer_sys::fuzz_target;
use scanner_rootfs::{Budget, LayerReader};
use std::io::Read;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let budget = Budget { bytes: 1 << 20, entries: 1000, file: 1 << 16, ..Budget::default() };
    let clock = || Duration::ZERO;
    let archive = signed::signed(bytes);
    let mut reader = LayerReader::open(archive.as_slice(), budget, &clock);
    let mut entries = 0;
    while let Some(mut entry) = reader.next_entry() {
        entries += 1;
        assert!(!entry.path.is_empty() && entry.path.len() <= 4096);
        assert!(entry.path.split('/').all(|part| !matches!(part, "" | "." | "..")));
        let _ = std::io::copy(&mut entry.content.by_ref().take(1 << 17), &mut std::io::sink());
    }
    let summary = reader.finish();
    assert!(entries <= 1000);
    assert!(summary.diff_id.is_some() || !summary.problems.is_empty());
});
