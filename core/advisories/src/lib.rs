//! What is known to be vulnerable: advisory feeds, the index made of them, and matching.
//!
//! [`IndexBuilder`] reads OSV records (from bytes, zips and folders) and makes one compact
//! [`Index`]: a file that is mapped into memory, or bytes. [`Index::find`] says what is wrong with a
//! package, [`Index::changes_since`] which packages must be matched again. This crate refuses to
//! touch the network, to read the clock, and to guess: what it cannot read or compare it counts.

mod builtin;
#[cfg(test)]
mod cases;
mod feed;
mod index;
mod key;
mod osv;
mod ranges;
mod record;
#[cfg(test)]
mod robust;
mod severity;

pub use feed::{FeedError, Imported, RecordError};
pub use index::{Changes, FamilyCount, Finding, Found, Index, IndexBuilder, IndexError};
