//! What every perceiver shares: it looks at a platform in its own way, and tells by this.
//!
//! The [`Ledger`] decides what the core must be told, the [`Sender`] tells it; [`SharedFlags`] and
//! [`process`] are what their binaries have in common; the static inventory is the one perceiver
//! that needs no platform.
//! This crate refuses to know any platform, and to judge what was perceived.

mod backoff;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod flags;
pub mod inventory;
mod kept;
mod ledger;
mod outage;
pub mod process;
mod sender;
mod settings;
mod vitals;

pub use backoff::Backoff;
pub use flags::SharedFlags;
pub use kept::Kept;
pub use ledger::{All, Ledger, Next};
pub use outage::Outage;
pub use sender::{Sender, Sight};
pub use settings::SendSettings;
pub use vitals::Vitals;
