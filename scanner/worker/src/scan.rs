//! Scanning one image without a core.

use crate::error::ScanError;
use crate::extraction::Extraction;
use crate::layers::Layers;
use crate::observer::{ScanEvent, ScanObserver};
use api_vocab::{Digest, Inventory};
use api_wire::fetcher::{ResolveRequest, ResolvedImage};
use api_wire::image_source::ImageSource;
use scanner_engines::Engine;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An image that was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// What it is made of.
    pub image: ResolvedImage,
    /// What is inside.
    pub inventory: Inventory,
}

/// Scan the image that `request` names: every layer is read, nothing is remembered.
///
/// # Errors
/// It cannot be fetched, or is not what it says.
pub async fn scan_image(
    source: &dyn ImageSource,
    engine: &Arc<dyn Engine>,
    request: &ResolveRequest,
    observer: &dyn ScanObserver,
) -> Result<Scanned, ScanError> {
    let name = name_of(request);
    let outcome = scan(source, engine, request, observer, &name).await;
    match &outcome {
        Ok(scanned) => observer.observe(&name, ScanEvent::Finished(&scanned.inventory)),
        Err(error) => observer.observe(&name, ScanEvent::Failed(error)),
    }
    outcome
}

async fn scan(
    source: &dyn ImageSource,
    engine: &Arc<dyn Engine>,
    request: &ResolveRequest,
    observer: &dyn ScanObserver,
    name: &str,
) -> Result<Scanned, ScanError> {
    let image = source.resolve(request).await.map_err(ScanError::Fetch)?;
    let inventory = read(source, engine, &image, observer, name).await;
    source.release(&image.handle).await;
    Ok(Scanned { inventory: inventory?, image })
}

async fn read(
    source: &dyn ImageSource,
    engine: &Arc<dyn Engine>,
    image: &ResolvedImage,
    observer: &dyn ScanObserver,
    name: &str,
) -> Result<Inventory, ScanError> {
    refuse_foreign(image)?;
    observer.observe(name, ScanEvent::Resolved(image));
    let order = diff_ids(image);
    let unique: BTreeSet<Digest> = order.iter().cloned().collect();
    let mut layers = Layers::default();
    loop {
        let missing = layers.missing(&unique);
        let opened = source.open_layers(&image.handle, &missing).await.map_err(ScanError::Fetch)?;
        let mut extraction = Extraction::new(opened, Arc::clone(engine), name, observer);
        while let Some(layer) = extraction.next().await? {
            layers.insert(layer.diff_id, layer.inventory);
        }
        let left = layers.missing(&missing);
        if left.is_empty() || left.len() == missing.len() || !extraction.is_spent() {
            return stack(engine, &order, layers).await;
        }
    }
}

/// What an image is called before it is known.
fn name_of(request: &ResolveRequest) -> String {
    let reference = request.references.first().cloned();
    reference.or_else(|| request.digests.first().map(Digest::to_string)).unwrap_or_else(|| "image".to_owned())
}

/// Only what is for Linux is read.
pub(crate) fn refuse_foreign(image: &ResolvedImage) -> Result<(), ScanError> {
    match &image.identity.platform {
        Some(platform) if platform.os() != "linux" => Err(ScanError::ForeignSystem(platform.clone())),
        _ => Ok(()),
    }
}

/// The image's layers, bottom first.
pub(crate) fn diff_ids(image: &ResolvedImage) -> Vec<Digest> {
    image.layers.iter().map(|layer| layer.diff_id.clone()).collect()
}

/// Stack the layers in the image's order.
pub(crate) async fn stack(
    engine: &Arc<dyn Engine>,
    order: &[Digest],
    layers: Layers,
) -> Result<Inventory, ScanError> {
    let ordered = layers.in_order(order).ok_or(ScanError::Cut)?;
    let engine = Arc::clone(engine);
    let stacked = tokio::task::spawn_blocking(move || engine.stack(&ordered)).await;
    stacked.map_err(|error| ScanError::Bug(format!("stacking failed: {error}")))
}
