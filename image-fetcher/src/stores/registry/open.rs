//! An image in a registry: layers one after the other, taken up again where a connection was cut.

use super::error::RegistryError;
use super::session::{Session, Wanted};
use super::web::innermost;
use crate::error::ReadError;
use crate::image::{StoredImage, StoredLayer};
use crate::stores::OpenImage;
use crate::stores::channel::{Sender, stream_of};
use crate::tarball::send::{Check, Origin, Outgoing};
use crate::tarball::write::{Document, write_archive};
use api_vocab::Digest;
use api_wire::error::ErrorCode;
use api_wire::fetcher::LayerStart;
use api_wire::image_source::{ByteStream, LayerEvent, LayerStream};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Response;
use reqwest::header::CONTENT_RANGE;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often a layer is taken up again without having come further.
const MAX_CUTS: u32 = 5;
/// Before the first time; each next wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// An image of a registry.
pub(super) struct OpenRegistryImage {
    session: Arc<Session>,
    image: Arc<StoredImage>,
    manifest: Document,
    config: Document,
    limit: Duration,
}

impl OpenRegistryImage {
    pub(super) fn new(
        session: Arc<Session>,
        image: StoredImage,
        manifest: Document,
        config: Document,
        limit: Duration,
    ) -> Self {
        OpenRegistryImage { session, image: Arc::new(image), manifest, config, limit }
    }
}

impl OpenImage for OpenRegistryImage {
    fn image(&self) -> &StoredImage {
        &self.image
    }

    fn kind(&self) -> &'static str {
        "registry"
    }

    fn open_layers(&self, wanted: BTreeSet<Digest>) -> LayerStream {
        let (session, image, limit) = (Arc::clone(&self.session), Arc::clone(&self.image), self.limit);
        stream_of(move |sender| send_layers(session, image, wanted, limit, sender))
    }

    fn open_archive(&self) -> BoxFuture<'_, Result<ByteStream, ReadError>> {
        let all = self.image.layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let archive = write_archive(&self.image, &self.manifest, &self.config, self.open_layers(all));
        std::future::ready(archive).boxed()
    }
}

async fn send_layers(
    session: Arc<Session>,
    image: Arc<StoredImage>,
    mut wanted: BTreeSet<Digest>,
    limit: Duration,
    sender: Sender<LayerEvent>,
) -> Result<(), ReadError> {
    for layer in &image.layers {
        if !wanted.remove(&layer.diff_id) {
            continue;
        }
        let slow = |_| ReadError::Interrupted {
            what: layer.name.clone(),
            reason: format!("it took longer than {} s", limit.as_secs()),
        };
        tokio::time::timeout(limit, send_layer(&session, layer, &sender)).await.map_err(slow)??;
    }
    Ok(())
}

async fn send_layer(
    session: &Session,
    layer: &StoredLayer,
    sender: &Sender<LayerEvent>,
) -> Result<(), ReadError> {
    let (Some(digest), Some(size)) = (&layer.digest, layer.size) else {
        return Err(ReadError::Bug(format!("{} without digest or size", layer.name)));
    };
    let start = LayerStart { diff_id: layer.diff_id.clone(), size, reconstructed: false };
    sender.send(LayerEvent::Start(start)).await?;
    let outgoing = Outgoing {
        name: &layer.name,
        diff_id: &layer.diff_id,
        digest: Some(digest),
        size,
        origin: Origin::Engine,
    };
    let url = session.place.blob(digest);
    let wanted = Wanted { url, accept: "*/*", from: 0, name: format!("layer {}", digest.short()) };
    let mut transfer = Transfer { session, wanted, size, check: Check::new(&outgoing, &[]), sender };
    let mut cuts = 0;
    while transfer.wanted.from < size {
        let before = transfer.wanted.from;
        let Err(error) = transfer.go_on().await else { break };
        cuts = if transfer.wanted.from > before { 1 } else { cuts + 1 };
        if error.code() != ErrorCode::Unavailable || cuts > MAX_CUTS {
            return Err(error);
        }
        tokio::time::sleep(FIRST_WAIT * 2_u32.pow(cuts - 1)).await;
    }
    transfer.check.finish(&layer.name)?;
    sender.send(LayerEvent::End).await
}

/// A layer on its way; `wanted.from` is how far it has come.
struct Transfer<'a> {
    session: &'a Session,
    wanted: Wanted,
    size: u64,
    check: Check<'a>,
    sender: &'a Sender<LayerEvent>,
}

impl Transfer<'_> {
    /// From where it stands to its end, or until it is cut.
    async fn go_on(&mut self) -> Result<(), ReadError> {
        let mut answer = self.session.get(&self.wanted).await?;
        let mut to_skip = self.skipped(&answer)?;
        while let Some(mut chunk) = answer.chunk().await.map_err(|error| self.cut(innermost(&error)))? {
            let skipped = usize::try_from(to_skip).map_or(chunk.len(), |skip| skip.min(chunk.len()));
            let _ = chunk.split_to(skipped);
            to_skip -= u64::try_from(skipped).unwrap_or(0);
            if !chunk.is_empty() {
                self.pass_on(chunk).await?;
            }
        }
        if self.wanted.from < self.size { Err(self.cut("it ended early".to_owned())) } else { Ok(()) }
    }

    async fn pass_on(&mut self, chunk: Bytes) -> Result<(), ReadError> {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if length > self.size - self.wanted.from {
            return Err(ReadError::malformed(&self.wanted.name, "longer than its manifest says"));
        }
        self.check.update(&chunk);
        self.wanted.from += length;
        self.sender.send(LayerEvent::Chunk(chunk)).await
    }

    /// How much of the answer is known already: all of it before `from`, unless the registry
    /// began there as it was asked to.
    fn skipped(&self, answer: &Response) -> Result<u64, ReadError> {
        if answer.status().as_u16() == 200 {
            return Ok(self.wanted.from);
        }
        let range = answer.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
        if first == Some(self.wanted.from) {
            return Ok(0);
        }
        let reason = "it sent another part than was asked for".to_owned();
        Err(RegistryError::Odd { host: self.session.place.host.clone(), reason }.into())
    }

    fn cut(&self, reason: String) -> ReadError {
        ReadError::Interrupted { what: self.wanted.name.clone(), reason }
    }
}
