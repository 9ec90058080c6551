//! The scan of one leased image: resolve, ask which layers are unknown, load the known, extract
//! the rest, stack, report.

use crate::convert::{inventory_to_wire, layer_from_wire, layer_to_wire};
use crate::error::ScanError;
use crate::extraction::{ExtractedLayer, Extraction};
use crate::layers::Layers;
use crate::observer::ScanEvent;
use crate::scan::{diff_ids, refuse_foreign, stack};
use crate::scanner::ScannerParts;
use api_vocab::{Digest, Inventory};
use api_wire::fetcher::{ResolveRequest, ResolvedImage};
use api_wire::lease::{LayerAnswer, LayerQuestion, Lease};
use api_wire::report::ScanReport;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Handles to release once the scan has ended, however it did.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<Vec<String>>);

impl Held {
    fn add(&self, handle: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(handle.to_owned());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A scan under a lease.
pub(crate) struct LeasedScan<'a> {
    parts: &'a ScannerParts,
    lease: &'a Lease,
    held: &'a Held,
    key: String,
    request: ResolveRequest,
    layers: Layers,
    /// Layers that the core gave to this lease to extract.
    granted: BTreeSet<Digest>,
}

impl<'a> LeasedScan<'a> {
    pub(crate) fn new(parts: &'a ScannerParts, lease: &'a Lease, held: &'a Held) -> Self {
        let digests = std::iter::once(&lease.image).chain(&lease.aliases).cloned().collect();
        let (references, pull_secrets) = (lease.references.clone(), lease.pull_secrets.clone());
        let (platform, runs_on) = (lease.platform.clone(), lease.runs_on.clone());
        let request = ResolveRequest { digests, references, platform, runs_on, pull_secrets };
        let key = lease.image.to_string();
        LeasedScan { parts, lease, held, key, request, layers: Layers::default(), granted: BTreeSet::new() }
    }

    /// Do it all.
    pub(crate) async fn run(mut self) -> Result<(), ScanError> {
        let begun = Instant::now();
        let mut image = self.resolve_patiently().await?;
        self.parts.observer.observe(&self.key, ScanEvent::Resolved(&image));
        let order = diff_ids(&image);
        if !self.gather(&mut image, &order).await? {
            tracing::info!(image = %self.key, "image turned out to be scanned already");
            return Ok(());
        }
        let inventory = stack(&self.parts.engine, &order, std::mem::take(&mut self.layers)).await?;
        self.report(&image, order, &inventory, begun).await?;
        self.parts.observer.observe(&self.key, ScanEvent::Finished(&inventory));
        Ok(())
    }

    async fn resolve_patiently(&self) -> Result<ResolvedImage, ScanError> {
        let mut attempt = 0;
        loop {
            match self.resolve().await {
                Err(error) if self.may_repeat(&error, attempt) => self.wait_after(&error, attempt).await,
                outcome => return outcome,
            }
            attempt += 1;
        }
    }

    async fn resolve(&self) -> Result<ResolvedImage, ScanError> {
        let image = self.parts.source.resolve(&self.request).await.map_err(ScanError::Fetch)?;
        self.held.add(&image.handle);
        refuse_foreign(&image)?;
        Ok(image)
    }

    fn may_repeat(&self, error: &ScanError, attempt: u32) -> bool {
        let patience = self.parts.patience;
        // A lease is not kept idle for a registry that wants to be left alone for long.
        let is_soon = error.retry_after().is_none_or(|wait| wait <= patience.longest);
        error.is_worth_repeating() && is_soon && attempt + 1 < patience.fetch_attempts
    }

    async fn wait_after(&self, error: &ScanError, attempt: u32) {
        let asked_for = error.retry_after().unwrap_or_default();
        sleep(self.parts.patience.after_failure(attempt).max(asked_for)).await;
    }

    async fn wait(&self, attempt: u32) {
        sleep(self.parts.patience.after_failure(attempt)).await;
    }

    /// Bring all layers together: loaded from the core, or extracted. What another scanner has
    /// in hand is waited for, but not for ever. False if the core has the image's inventory already.
    async fn gather(&mut self, image: &mut ResolvedImage, order: &[Digest]) -> Result<bool, ScanError> {
        let patience = self.parts.patience;
        for round in 0..=patience.busy_rounds {
            let answer = self.ask(image, order).await?;
            if answer.settled {
                return Ok(false);
            }
            self.granted.extend(answer.unknown.iter().cloned());
            let mut to_extract: BTreeSet<Digest> = answer.unknown.into_iter().collect();
            to_extract.extend(self.load(answer.known).await?);
            if round == patience.busy_rounds {
                to_extract.extend(answer.busy);
            }
            self.extract(image, to_extract).await?;
            if order.iter().all(|diff_id| self.layers.has(diff_id)) {
                return Ok(true);
            }
            sleep(patience.while_busy()).await;
        }
        Err(ScanError::Bug("the core left layers out of its answer".to_owned()))
    }

    async fn ask(&self, image: &ResolvedImage, order: &[Digest]) -> Result<LayerAnswer, ScanError> {
        let question = LayerQuestion {
            identity: image.identity.clone(),
            layers: order.to_vec(),
            extractor_set: self.parts.engine.extractor_set(),
        };
        self.parts.client.ask_layers(self.lease.id, &question).await.map_err(ScanError::of_core)
    }

    /// Load known layers; those that cannot be had after all are given back, to be extracted.
    async fn load(&mut self, known: Vec<Digest>) -> Result<Vec<Digest>, ScanError> {
        let mut not_there = Vec::new();
        for diff_id in known {
            if self.layers.has(&diff_id) {
                continue;
            }
            let set = self.parts.engine.extractor_set();
            let loaded = self.parts.client.layer(&diff_id, &set).await.map_err(ScanError::of_core)?;
            match loaded.map(layer_from_wire) {
                Some(Ok(layer)) if layer.diff_id.as_ref() == Some(&diff_id) => {
                    self.parts.metrics.layer_known();
                    self.parts.observer.observe(&self.key, ScanEvent::LayerKnown(&diff_id));
                    self.layers.insert(diff_id, layer);
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "known layer is malformed; it is extracted again");
                    not_there.push(diff_id);
                }
                _ => not_there.push(diff_id),
            }
        }
        Ok(not_there)
    }

    async fn extract(
        &mut self,
        image: &mut ResolvedImage,
        wanted: BTreeSet<Digest>,
    ) -> Result<(), ScanError> {
        let mut attempt = 0;
        loop {
            let missing = self.layers.missing(&wanted);
            if missing.is_empty() {
                return Ok(());
            }
            match self.read_layers(image, &missing).await {
                Ok(()) => {}
                Err(error) if self.may_repeat(&error, attempt) => {
                    tracing::debug!(%error, "layers are fetched again");
                    self.wait(attempt).await;
                    *image = self.resolve_patiently().await?;
                }
                Err(error) => return Err(error),
            }
            attempt += 1;
        }
    }

    /// Read what is missing, or as much of it as comes before a layer that is not read to its end.
    async fn read_layers(&mut self, image: &ResolvedImage, missing: &[Digest]) -> Result<(), ScanError> {
        let _room = self.parts.memory.room().await;
        let opened = self.parts.source.open_layers(&image.handle, missing).await;
        let engine = Arc::clone(&self.parts.engine);
        let (key, observer) = (self.key.clone(), Arc::clone(&self.parts.observer));
        let mut extraction = Extraction::new(opened.map_err(ScanError::Fetch)?, engine, &key, &*observer);
        while let Some(layer) = extraction.next().await? {
            self.parts.metrics.layer_extracted();
            self.keep(layer).await?;
        }
        let left = self.layers.missing(missing).len();
        let goes_on = extraction.is_spent() && left < missing.len();
        if left == 0 || goes_on { Ok(()) } else { Err(ScanError::Cut) }
    }

    /// Keep an extracted layer, and hand it to the core if others may rely on it. A core that
    /// does not take it will have it extracted again: that is no reason to fail this scan.
    async fn keep(&mut self, layer: ExtractedLayer) -> Result<(), ScanError> {
        if layer.is_memoisable && self.granted.contains(&layer.diff_id) {
            let shape = layer_to_wire(&layer.diff_id, &layer.inventory);
            match self.parts.client.send_layer(self.lease.id, &shape).await.map_err(ScanError::of_core) {
                Err(ScanError::LeaseLost) => return Err(ScanError::LeaseLost),
                Err(error) => tracing::warn!(layer = %layer.diff_id, %error, "layer not kept by the core"),
                Ok(()) => {}
            }
        }
        self.layers.insert(layer.diff_id, layer.inventory);
        Ok(())
    }

    /// Report, again and again until the core has it: the heartbeat ends this with the lease.
    async fn report(
        &self,
        image: &ResolvedImage,
        layers: Vec<Digest>,
        inventory: &Inventory,
        begun: Instant,
    ) -> Result<(), ScanError> {
        let report = ScanReport {
            identity: image.identity.clone(),
            layers,
            inventory: inventory_to_wire(inventory),
            extractor_set: self.parts.engine.extractor_set(),
            engine: self.parts.engine.name().to_owned(),
            fetched_from: image.fetched_from.clone(),
            duration_ms: millis(begun.elapsed()),
        };
        let mut attempt = 0;
        loop {
            match self.parts.client.report(self.lease.id, &report).await.map_err(ScanError::of_core) {
                Err(error) if error.is_worth_repeating() => self.wait(attempt).await,
                outcome => return outcome,
            }
            attempt += 1;
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
