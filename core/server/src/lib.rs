//! The core's server: the only room where the wire meets the model.
//!
//! `Config` → [`App::build`] → [`App::spawn`] → [`Running`]: reading settings opens nothing,
//! building starts nothing, and what was spawned can be stopped. One writer thread owns the model
//! and makes each change durable before anyone learns of it; handlers parse, have one command
//! applied, and render; readers look at a view and never wait.
//!
//! This crate refuses to decide: what follows from what is the business of `core-model`,
//! `core-advisories` and `core-versions`.

pub mod advisories;
pub mod app;
pub mod config;
mod convert;
pub mod engine;
mod extractors;
pub mod http;
mod intake;
mod keep;
pub mod matcher;
pub mod metrics;
mod read;
mod service_accounts;
mod state;
mod sweeper;
mod work;

pub use app::{App, Running, StartError, Surroundings};
pub use config::Config;
pub use state::Core;
pub use work::RandomBits;
