//! Strict reading of image layers: tar archives, plain or compressed, from bytes to entries.
//!
//! The reference is the reader that container runtimes use (Go's `archive/tar`). Wherever an
//! archive could be read in another way, or can not be read at all, there is a
//! [`Problem`](api_vocab::Problem), and reading goes on where that is sound: an inventory of such
//! a layer is partial, never clean. Blocks are read by our own code and not by an archive crate,
//! because the ways in which readers differ are exactly what has to be seen here.
//!
//! This crate refuses to write an entry to disk, to follow a link, to leave the root, to buffer
//! content, and to read a clock of its own.

mod budget;
mod decoder;
mod entry;
mod extension;
mod failure;
mod hasher;
mod header;
mod number;
mod path;
mod pax;
mod problems;
mod reader;
mod source;
mod sparse;
mod stream;
mod whiteout;

pub use budget::{Budget, Clock};
pub use entry::{Content, Entry, Kind};
pub use problems::Problems;
pub use reader::{LayerReader, LayerSummary};
