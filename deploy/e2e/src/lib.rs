//! Real parts for the end-to-end tests: a container engine, and the mesh as processes.
//!
//! Everything listens on unix sockets and loopback below a temporary folder, is started and
//! stopped by its own pid, and ends with the test. This crate refuses to fake anything.

pub mod engine;
pub mod inventory;
pub mod lab;
pub mod mesh;
pub mod parts;
pub mod podman;
pub mod process;
pub mod settled;
pub mod until;
