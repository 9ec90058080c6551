//! The scanner: takes leases, has layers fetched, extracts what nobody has seen yet, stacks and
//! reports; or scans one image without a core.
//!
//! This crate refuses to open an engine's socket or a registry (an image source does that), to
//! write an image's bytes to disk, and to decide what is vulnerable.

pub mod app;
pub mod config;
pub mod convert;
mod error;
mod extraction;
mod fetcher_client;
mod heartbeat;
mod lane;
mod layers;
mod lease;
mod memory;
mod metrics;
mod observer;
mod pause;
mod pipe;
mod pressure;
mod reach;
mod scan;
mod scanner;

pub use error::ScanError;
pub use fetcher_client::FetcherClient;
pub use memory::Memory;
pub use metrics::ScannerMetrics;
pub use observer::{ScanEvent, ScanObserver, Silent};
pub use pause::Patience;
pub use pressure::{Pressure, PressureSettings, ReadFile, Threshold};
pub use scan::{Scanned, scan_image};
pub use scanner::{Scanner, ScannerParts};
