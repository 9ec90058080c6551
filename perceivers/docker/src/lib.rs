//! The perceiver of Docker engines, and of Podman through its Docker API.
//!
//! Containers become one-container pods; Compose and Swarm labels name their owners.
//! This crate refuses to change anything in an engine: it lists, inspects and follows events.

pub mod app;
pub mod config;
pub mod engine;
pub mod map;
pub mod watch;

#[cfg(test)]
mod fake_engine;
