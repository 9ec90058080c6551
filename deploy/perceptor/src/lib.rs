//! The command line of Perceptor, and the whole mesh in one process.
//!
//! This crate joins: it reads what a person asked for, starts the parts or asks a core, and
//! prints. It refuses to decide anything about images.

pub mod advisories;
pub mod cli;
pub mod commands;
mod folder;
pub mod output;
mod progress;
pub mod sample;
