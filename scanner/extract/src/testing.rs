//! Runs one extractor on bytes, as the tests of every extractor do.

use crate::extractor::{Extracted, Extractor, OpenFile};

/// What `extractor` makes of a file of these bytes at `path`; it must want the path.
pub(crate) fn extract(extractor: &dyn Extractor, path: &str, mut bytes: &[u8]) -> Extracted {
    assert!(extractor.wants(path), "{} does not want {path}", extractor.name());
    extractor.extract(&mut OpenFile {
        path,
        size: bytes.len() as u64,
        executable: false,
        content: &mut bytes,
    })
}
