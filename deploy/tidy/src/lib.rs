//! The house law, read from the tree: which room may import which, and how files look.
//!
//! The tests of this crate hold the law against the tree; `cargo run -p tidy` lists what is
//! merely large. This crate refuses to change anything.

pub mod law;
pub mod settings;
pub mod tree;
