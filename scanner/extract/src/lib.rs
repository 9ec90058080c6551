//! Bytes to packages: one folder per extractor, and the frame that runs them over a layer and
//! stacks layers into an inventory.
//!
//! This crate refuses to write to disk, to open a socket, to run anything that lies in an image,
//! and to decide what is vulnerable.

mod apk;
mod binary;
mod budget;
mod collect;
mod dpkg;
mod extractor;
mod lines;
#[cfg(test)]
mod listing;
mod node;
mod os_release;
mod python;
pub mod registry;
#[cfg(test)]
mod testing;

pub use extractor::{Extracted, ExtractedPackage, Extractor, OpenFile, Scope};
pub use registry::extractor_set;
