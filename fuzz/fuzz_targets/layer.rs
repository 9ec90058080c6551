//! Any bytes as a layer, through every extractor and the stack: no panic, not even one that is
//! caught.

#![no_main]

#[path = "parts/signed.rs"]
mod signed;

use api_vocab::ProblemCode;
use libfuzzer_sys::fuzz_target;
use scanner_extract::{extract_layer, registry, stack};
use scanner_rootfs::Budget;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let budget = Budget { bytes: 1 << 20, entries: 1000, file: 1 << 18, ..Budget::default() };
    let archive = signed::signed(bytes);
    let layer = extract_layer(archive.as_slice(), &registry::all(), &budget, &|| Duration::ZERO);
    let inventory = stack(&[layer.clone(), layer]);
    assert!(inventory.problems.iter().all(|problem| problem.code != ProblemCode::ExtractorCrashed));
});
