//! Any bytes as a Node manifest: no panic, and problems only of this file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scanner_extract::{OpenFile, registry};

const PATH: &str = "app/node_modules/x/package.json";

fuzz_target!(|bytes: &[u8]| {
    for extractor in registry::all().iter().filter(|extractor| extractor.wants(PATH)) {
        let (size, mut content) = (bytes.len() as u64, bytes);
        let mut file = OpenFile { path: PATH, size, executable: true, content: &mut content };
        let extracted = extractor.extract(&mut file);
        assert!(extracted.problems.iter().all(|problem| problem.path.starts_with(PATH)));
    }
});
