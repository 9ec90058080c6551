//! Bytes to packages: one folder per extractor, and the frame that runs them over a layer and
//! stacks layers into an inventory.
//!
//! This crate refuses to write to disk, to open a socket, to run anything that lies in an image,
//! and to decide what is vulnerable.

mod apk;
mod binary;
mod budget;
mod collect;
mod cover;
mod directory;
mod dpkg;
mod extractor;
mod gather;
mod java;
mod layer;
mod lines;
mod links;
#[cfg(test)]
mod listing;
mod node;
mod os_release;
mod owned;
mod owners;
mod pairs;
mod places;
mod python;
pub mod registry;
mod rpm;
mod run;
mod shadow;
mod stack;
#[cfg(test)]
mod testing;
mod weight;

pub use directory::extract_directory;
pub use extractor::{Extracted, ExtractedPackage, Extractor, FileInPair, OpenFile, Scope};
pub use layer::{FileRecord, LayerInventory, extract_layer};
pub use owned::OwnedFiles;
pub use registry::extractor_set;
pub use stack::stack;
