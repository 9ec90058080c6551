//! The chassis: what each service has in its cellar, and no service has of its own.
//!
//! Settings, logs, metrics, health, shutdown, clock, HTTP edge, authentication, TLS. Each module
//! is usable alone; a service's `main` joins them.
//! This crate refuses to know any resource, any route and any other service.

pub mod auth;
pub mod clock;
pub mod config;
pub mod door;
pub mod engines;
pub mod health;
pub mod http;
pub mod logs;
pub mod memory;
pub mod metrics;
pub mod reload;
pub mod shutdown;
pub mod tls;
