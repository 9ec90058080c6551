//! The static inventory: a file that lists pods and the archives of their images, for hosts
//! without an engine.

mod file;
mod perceive;

pub use file::{Inventory, InventoryContainer, InventoryError, InventoryPod};
pub use perceive::{InventoryPerceiver, Resolver, observe, run};
