//! The doors of the core, over real sockets: request → status and body. Mirrors `src/http`.

mod edge;
mod harness;
mod restart;
mod v1;
