//! From a stream of layers to their inventories: each is extracted on a thread of its own while
//! its bytes come.

use crate::error::ScanError;
use crate::observer::{ScanEvent, ScanObserver};
use crate::pipe::{PipeReader, PipeSender, pipe};
use api_vocab::Digest;
use api_wire::fetcher::LayerStart;
use api_wire::image_source::{LayerEvent, LayerStream};
use bytes::Bytes;
use futures_util::StreamExt;
use scanner_engines::Engine;
use scanner_extract::LayerInventory;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;

/// Layers on their way.
pub(crate) struct Extraction<'a> {
    stream: LayerStream,
    engine: Arc<dyn Engine>,
    image: &'a str,
    observer: &'a dyn ScanObserver,
    is_spent: bool,
}

/// A layer that was read to the end of its stream.
pub(crate) struct ExtractedLayer {
    /// What it is known by.
    pub(crate) diff_id: Digest,
    /// What is in it.
    pub(crate) inventory: LayerInventory,
    /// Whether another image may rely on it.
    pub(crate) is_memoisable: bool,
}

impl<'a> Extraction<'a> {
    pub(crate) fn new(
        stream: LayerStream,
        engine: Arc<dyn Engine>,
        image: &'a str,
        observer: &'a dyn ScanObserver,
    ) -> Self {
        Extraction { stream, engine, image, observer, is_spent: false }
    }

    /// Whether the stream was left behind within a layer: what follows is to be asked for anew.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// The next layer; none when the stream has ended, or is spent.
    pub(crate) async fn next(&mut self) -> Result<Option<ExtractedLayer>, ScanError> {
        if self.is_spent {
            return Ok(None);
        }
        let start = match self.stream.next().await {
            None => return Ok(None),
            Some(Ok(LayerEvent::Start(start))) => start,
            Some(Ok(_)) => return Err(ScanError::Bug("a layer came without its start".to_owned())),
            Some(Err(error)) => return Err(ScanError::Fetch(error)),
        };
        self.tell(ScanEvent::LayerStarted { diff_id: &start.diff_id, size: start.size });
        let (sender, reader) = pipe();
        let work = extract_on_thread(Arc::clone(&self.engine), reader);
        self.feed(&start, sender).await?;
        let found = work.await.map_err(|error| ScanError::Bug(format!("extraction failed: {error}")))?;
        let layer = identified(start, found)?;
        let packages = layer.inventory.files.iter().map(|file| file.packages.len()).sum();
        self.tell(ScanEvent::LayerDone { diff_id: &layer.diff_id, packages });
        Ok(Some(layer))
    }

    /// Hand the layer's chunks to its reader. Where one has read enough (its budget is spent), the
    /// stream is left: nobody knows how long the rest of the layer is.
    async fn feed(&mut self, start: &LayerStart, sender: PipeSender) -> Result<(), ScanError> {
        loop {
            match self.stream.next().await {
                Some(Ok(LayerEvent::Chunk(chunk))) => {
                    self.tell(ScanEvent::LayerRead { diff_id: &start.diff_id, bytes: length(&chunk) });
                    if !sender.send(chunk).await {
                        self.is_spent = true;
                        return Ok(());
                    }
                }
                Some(Ok(LayerEvent::End)) => {
                    sender.finish().await;
                    return Ok(());
                }
                Some(Ok(LayerEvent::Start(_))) | None => return Err(ScanError::Cut),
                Some(Err(error)) => return Err(ScanError::Fetch(error)),
            }
        }
    }

    fn tell(&self, event: ScanEvent<'_>) {
        self.observer.observe(self.image, event);
    }
}

fn length(chunk: &Bytes) -> u64 {
    u64::try_from(chunk.len()).unwrap_or(0)
}

fn extract_on_thread(engine: Arc<dyn Engine>, mut reader: PipeReader) -> JoinHandle<LayerInventory> {
    tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        engine.extract_layer(&mut reader, &|| begun.elapsed())
    })
}

/// The layer under the diff-id that the config gives it, which it must have where it could be
/// read to its end. A reconstructed one cannot have it: it serves this image only, for nobody can
/// say whether it is what the digest names.
fn identified(start: LayerStart, mut inventory: LayerInventory) -> Result<ExtractedLayer, ScanError> {
    let (expected, reconstructed) = (start.diff_id, start.reconstructed);
    let is_memoisable = inventory.is_memoisable() && !reconstructed;
    match inventory.diff_id.replace(expected.clone()) {
        _ if reconstructed => Ok(ExtractedLayer { diff_id: expected, inventory, is_memoisable }),
        // A digest of another algorithm was verified by whoever sent the bytes.
        Some(found) if found != expected && found.algorithm() == expected.algorithm() => {
            Err(ScanError::WrongLayer { expected, found })
        }
        _ => Ok(ExtractedLayer { diff_id: expected, inventory, is_memoisable }),
    }
}
