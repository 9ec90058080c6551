//! The index: all advisories in one block of bytes, found by package.

mod advisory;
mod builder;
mod changes;
pub(crate) mod codec;
mod entry;
mod error;
mod find;
mod finding;
mod layout;
mod merge;
mod summary;

pub use builder::IndexBuilder;
pub use changes::Changes;
pub use error::IndexError;
pub use finding::{Finding, Found};
pub use layout::Index;
pub use summary::FamilyCount;
