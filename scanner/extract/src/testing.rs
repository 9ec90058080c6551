//! Runs one extractor on bytes, as the tests of every extractor do.

use crate::extractor::{Extracted, Extractor, OpenFile};

/// What `extractor` makes of a file of these bytes at `path`; it must want the path.
pub(crate) fn extract(extractor: &dyn Extractor, path: &str, bytes: &[u8]) -> Extracted {
    assert!(extractor.wants(path), "{} does not want {path}", extractor.name());
    extract_unasked(extractor, path, bytes, false)
}

/// The same for an executable file.
pub(crate) fn extract_executable(extractor: &dyn Extractor, path: &str, bytes: &[u8]) -> Extracted {
    assert!(extractor.wants(path), "{} does not want {path}", extractor.name());
    extract_unasked(extractor, path, bytes, true)
}

fn extract_unasked(extractor: &dyn Extractor, path: &str, mut bytes: &[u8], executable: bool) -> Extracted {
    let size = bytes.len() as u64;
    extractor.extract(&mut OpenFile { path, size, executable, content: &mut bytes })
}
