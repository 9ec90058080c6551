//! The order of versions, ecosystem by ecosystem.
//!
//! A [`Scheme`] parses and compares the versions of an ecosystem as its own tools do; a
//! [`Constraint`] is a range written by a person. What a scheme cannot read is a typed
//! [`VersionError`] and never a guess. This crate refuses to do I/O and to know any advisory.

mod alpine;
mod composer;
mod constraint;
mod debian;
mod digits;
mod dotted;
mod error;
mod gem;
mod go;
mod maven;
mod rpm;
mod scheme;
mod semver;
#[cfg(test)]
mod tables;

pub use constraint::{Constraint, ConstraintError};
pub use error::VersionError;
pub use scheme::{Scheme, Version};
