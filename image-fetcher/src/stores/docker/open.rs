//! An image in an engine, read by exporting it.

use super::connect::{Connection, Engine, is_not_found};
use crate::error::ReadError;
use crate::image::choose::choose;
use crate::image::find::find_images;
use crate::image::{Shelf, StoredImage};
use crate::stores::OpenImage;
use crate::stores::channel::{Sender, blocking, stream_of};
use crate::tarball::pass::{Documents, Known, Outcome, read_archive};
use crate::tarball::send::Origin;
use api_vocab::Digest;
use api_wire::fetcher::ResolveRequest;
use api_wire::image_source::{ByteStream, LayerEvent, LayerStream};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::io::{StreamReader, SyncIoBridge};

/// How long an export may pause before it counts as cut.
const IDLE: Duration = Duration::from_secs(60);

/// What it takes to export an image.
#[derive(Clone)]
pub(super) struct Export {
    pub(super) engine: Arc<Engine>,
    pub(super) connection: Connection,
    /// The engine's id of the image.
    pub(super) id: Digest,
}

impl Export {
    /// Begin; the first bytes are there when this returns, or the reason why not.
    async fn open(&self) -> Result<BoxStream<'static, io::Result<Bytes>>, ReadError> {
        let mut stream = self.connection.docker.export_image(&self.id.to_string()).boxed();
        let first = match stream.next().await {
            Some(Ok(first)) => first,
            Some(Err(error)) if is_not_found(&error) => {
                return Err(ReadError::NotFound(self.id.to_string()));
            }
            Some(Err(error)) => return Err(self.engine.failed("export an image", error)),
            None => return Err(Origin::Engine.ended_early("the export")),
        };
        let rest = futures_util::stream::unfold(stream, |mut stream| async {
            let next = tokio::time::timeout(IDLE, stream.next()).await;
            let item = next.unwrap_or_else(|_| Some(Err(bollard::errors::Error::RequestTimeoutError)))?;
            Some((item.map_err(io::Error::other), stream))
        });
        Ok(futures_util::stream::once(std::future::ready(Ok(first))).chain(rest).boxed())
    }

    /// One pass over the export.
    async fn read(
        &self,
        known: Arc<Known>,
        wanted: BTreeSet<Digest>,
        mut sink: impl FnMut(LayerEvent) -> Result<(), ReadError> + Send + 'static,
    ) -> Result<Outcome, ReadError> {
        let stream = self.open().await?;
        let reader = SyncIoBridge::new(StreamReader::new(stream));
        blocking(move || read_archive(reader, Origin::Engine, &known, wanted, &mut sink)).await
    }
}

/// The documents of an image, read in a pass of their own.
pub(super) async fn read_documents(export: &Export) -> Result<Documents, ReadError> {
    let known = Arc::new(Known::default());
    let documents = export.read(known, BTreeSet::new(), |_| Ok(())).await?.documents;
    // Its last entry; an export that was cut between two entries looks like an archive.
    match documents.size_of("manifest.json") {
        Some(_) => Ok(documents),
        None => Err(Origin::Engine.ended_early("the export")),
    }
}

/// An image of an engine.
pub(super) struct OpenDockerImage {
    export: Export,
    image: StoredImage,
    known: Arc<Known>,
}

impl OpenDockerImage {
    /// With the documents of an earlier pass, if there was one.
    pub(super) fn new(export: Export, image: StoredImage, documents: Option<Documents>) -> Self {
        let diff_ids: Vec<Digest> = image.layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let known = match &documents {
            Some(documents) => Known::by_names(&image, documents),
            None => Known::by_diff_ids(&diff_ids),
        };
        OpenDockerImage { export, image, known: Arc::new(known) }
    }
}

impl OpenImage for OpenDockerImage {
    fn image(&self) -> &StoredImage {
        &self.image
    }

    fn kind(&self) -> &'static str {
        "docker"
    }

    fn open_layers(&self, wanted: BTreeSet<Digest>) -> LayerStream {
        let (export, known, config) =
            (self.export.clone(), Arc::clone(&self.known), self.image.identity.config.clone());
        stream_of(|sender| send_layers(export, known, config, wanted, sender))
    }

    fn open_archive(&self) -> BoxFuture<'_, Result<ByteStream, ReadError>> {
        let opened = async {
            let stream = self.export.open().await?;
            let id = self.export.id.to_string();
            Ok(stream.map_err(move |error| Origin::Engine.failed(&id, error).into()).boxed())
        };
        opened.boxed()
    }
}

async fn send_layers(
    export: Export,
    known: Arc<Known>,
    config: Option<Digest>,
    wanted: BTreeSet<Digest>,
    sender: Sender<LayerEvent>,
) -> Result<(), ReadError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let first = export.read(known, wanted, sink_to(&sender)).await?;
    if first.missing.is_empty() {
        return Ok(());
    }
    let Some(known) = learn(&first.documents, config) else {
        return Err(Origin::Engine.ended_early("the export"));
    };
    let second = export.read(Arc::new(known), first.missing, sink_to(&sender)).await?;
    match second.missing.first() {
        None => Ok(()),
        Some(missing) => Err(ReadError::NotFound(format!("layer {missing} in the engine's export"))),
    }
}

fn sink_to(sender: &Sender<LayerEvent>) -> impl FnMut(LayerEvent) -> Result<(), ReadError> + Send + 'static {
    let sender = sender.clone();
    move |event| sender.send_blocking(event)
}

/// Where the layers lie, from the documents at the export's end; `None` if it has none.
fn learn(documents: &Documents, config: Option<Digest>) -> Option<Known> {
    let images = find_images(documents).ok()?;
    let request = ResolveRequest { digests: config.into_iter().collect(), ..ResolveRequest::default() };
    Some(Known::by_names(&choose(images, &request).ok()?, documents))
}
