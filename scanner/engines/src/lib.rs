//! Engines: what makes inventories of layers, behind one trait.
//!
//! Now there is the native one; programs from outside join it behind the same trait.
//! This crate refuses to fetch, to lease and to talk to the core.

mod engine;
mod native;

pub use engine::{Engine, Stopwatch};
pub use native::Native;
