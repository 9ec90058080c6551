//! Owners: the workload at the top of a pod's controllers, and what its annotations ask for.

mod climb;
mod kinds;
mod reader;
mod resolver;

pub use climb::{Known, Workload};
pub use kinds::{Served, served};
pub use reader::{KubeReader, ReadError, Reader, Reading};
pub use resolver::{Question, Resolver, Resolvers};
