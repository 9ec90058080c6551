//! Telling the cluster: what the core thinks of pods is written back to them, to their workloads,
//! and into objects beside these. All of it is off unless settings ask for it, and then bounded:
//! nothing is written per finding unless a summary is asked to list them, and never beyond a size.
//!
//! The [`Slate`] decides what to write, the [`Writer`] writes; the [`Teller`] runs both.

mod event;
mod known;
pub mod marks;
mod report;
mod settings;
mod slate;
mod stand;
mod summary;
mod teller;
mod vulnerabilities;
mod write;
mod writer;

pub use settings::{KeySet, TellSettings};
pub use slate::{Next, Slate};
pub use stand::{Stand, State, Sum};
pub use teller::{Teller, Telling};
pub use write::{Action, Outcome, Place, What, Write};
pub use writer::Writer;

/// Who owns the fields that we apply.
pub const MANAGER: &str = "perceptor";
