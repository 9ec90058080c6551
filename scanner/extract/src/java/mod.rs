//! Java packages: archives (`.jar`, `.war`, …) and the archives within them.
//!
//! An archive built by Maven carries a `pom.properties` for itself and for each library that was
//! shaded into it: all of these are packages, and exact. One that carries none is named by its
//! file name and manifest (`coordinates.rs` says by which rules); one that says no version gives
//! no package. Classes that were copied in without any of this are not seen.

mod archive;
mod coordinates;
mod known;
mod manifest;
mod members;
mod properties;
#[cfg(test)]
mod tests;
mod zip;

use crate::collect::Collected;
use crate::extractor::{Extracted, Extractor, OpenFile, Scope};

/// An archive is read from its end, so it is held in memory.
const MAX_ARCHIVE: u64 = 128 << 20;

/// Reads Java archives.
#[derive(Debug, Clone, Copy)]
pub struct Java;

impl Extractor for Java {
    fn name(&self) -> &'static str {
        "java"
    }

    fn version(&self) -> u32 {
        1
    }

    fn scope(&self) -> Scope {
        Scope::Language
    }

    fn wants(&self, path: &str) -> bool {
        members::is_archive(path)
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        let path = file.path;
        match file.read_all(MAX_ARCHIVE) {
            Ok(bytes) => {
                let mut found = Collected::new(path);
                archive::read_archive(path, &bytes, &mut found);
                found.finish()
            }
            Err(problem) => Extracted::failed(problem),
        }
    }
}
