//! The door of an engine.

use api_vocab::{ExtractorSet, Inventory};
use scanner_extract::LayerInventory;
use std::io::Read;
use std::time::Duration;

/// Time since a layer's work began.
pub type Stopwatch<'a> = &'a dyn Fn() -> Duration;

/// Makes inventories of layers.
pub trait Engine: Send + Sync {
    /// Its name, as `native`.
    fn name(&self) -> &'static str;

    /// What its results depend on beside the bytes: memorised layers of another set do not fit.
    fn extractor_set(&self) -> ExtractorSet;

    /// Read one layer from start to end, plain or compressed. Never fails: what is wrong is among
    /// the problems. The caller compares the digests found with those expected.
    fn extract_layer(&self, layer: &mut dyn Read, stopwatch: Stopwatch<'_>) -> LayerInventory;

    /// The inventory of an image of these layers, bottom first.
    fn stack(&self, layers: &[LayerInventory]) -> Inventory;
}
