//! Real parts for the end-to-end tests: container engines, a Kubernetes cluster, a registry, and the
//! mesh as processes.
//!
//! Everything listens on unix sockets and loopback below a temporary folder, is started and
//! stopped by its own pid, and ends with the test. This crate refuses to fake anything.

mod access;
pub mod acknowledged;
pub mod advisories;
mod certificates;
pub mod cluster;
pub mod containerd;
pub mod disk;
pub mod door;
pub mod engine;
pub mod expression;
pub mod fleet;
pub mod images;
pub mod inventory;
pub mod lab;
pub mod mesh;
pub mod network;
pub mod node;
pub mod openshift;
pub mod parts;
pub mod podman;
pub mod pods;
pub mod ports;
pub mod process;
pub mod programs;
pub mod prometheus;
pub mod registry;
pub mod rights;
pub mod services;
pub mod settled;
pub mod until;
pub mod wire;
