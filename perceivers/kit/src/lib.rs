//! What every perceiver shares: it looks at a platform in its own way, and tells by this.
//!
//! The [`Ledger`] decides what the core must be told, the [`Sender`] tells it; the static
//! inventory is the one perceiver that needs no platform.
//! This crate refuses to know any platform, and to judge what was perceived.

mod backoff;
pub mod inventory;
mod kept;
mod ledger;
mod outage;
mod sender;
mod settings;
mod vitals;

pub use backoff::Backoff;
pub use kept::Kept;
pub use ledger::{Ledger, Next};
pub use outage::Outage;
pub use sender::{Sender, Sight};
pub use settings::SendSettings;
pub use vitals::Vitals;
