//! The image-fetcher: the only part of the mesh that may reach an engine's socket; it brings
//! images' layers within a scanner's reach, streamed and verified.
//!
//! This crate refuses to import, create, run, tag or change anything in an engine: it only asks
//! and reads. It refuses to uncompress layers, to write any byte of an image to disk, and to
//! open a path that an image names.

pub mod app;
pub mod check;
pub mod config;
mod error;
mod fetcher;
pub mod http;
mod image;
pub mod secrets;
pub mod stores;
mod tarball;

pub use error::ReadError;
pub use fetcher::Fetcher;
pub use image::{StoredImage, StoredLayer};
