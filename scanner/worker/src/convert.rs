//! Between the wire and what extraction knows: one file each for layers, inventories, packages.

mod inventory;
mod layer;
mod package;

pub use inventory::inventory_to_wire;
pub use layer::{LayerShapeError, layer_from_wire, layer_to_wire};
