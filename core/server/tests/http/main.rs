//! The doors of the core, over real sockets: request → status and body. Mirrors `src/http`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod edge;
mod harness;
mod query;
mod restart;
mod v1;
mod workloads;
