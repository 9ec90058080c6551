//! The core's client: one method per route, and the advice whether to try again.
//!
//! Calls that may be repeated are, with jittered backoff and as the core's Retry-After says.
//! This crate refuses to interpret what it carries: shapes come from `api-wire`.

mod call;
mod client;
mod error;
mod events;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod path;
mod perceivers;
mod readers;
mod scanners;
mod settings;
mod sse;
mod standings;
#[cfg(test)]
mod tests;

pub use client::{Client, Retry};
pub use error::{Advice, ClientError};
pub use settings::ClientSettings;
pub use standings::Standings;
