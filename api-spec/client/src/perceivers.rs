//! Routes of perceivers: observations, full state.

use crate::path::path;
use crate::{Client, ClientError};
use api_vocab::SourceId;
use api_wire::observation::{ObservationBatch, ObservationOutcome};
use api_wire::routes;
use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Method};
use serde::Serialize;
use std::time::Duration;

/// How much of a full state is sent at once.
const CHUNK: usize = 64 << 10;
/// How long sending a full state may take.
const WHOLE_STATE: Duration = Duration::from_secs(600);

impl Client {
    /// Send what changed at `source`; durable when this returns.
    pub async fn send_observations(
        &self,
        source: &SourceId,
        batch: &ObservationBatch,
    ) -> Result<ObservationOutcome, ClientError> {
        // A pod's state said twice is the same state.
        let path = path(routes::OBSERVATIONS, &[&source.kind(), &source.name()]);
        self.call("send observations", Method::POST, path).body(batch).idempotent().json().await
    }

    /// Send all pods of `source` (each an [`ObservedPod`]), and all images that it lists (each an
    /// [`ImageLine`]); those it had before and that are not among them are gone.
    ///
    /// Streamed, one at a time, so it is not repeated by itself.
    ///
    /// [`ObservedPod`]: api_wire::observation::ObservedPod
    /// [`ImageLine`]: api_wire::observation::ImageLine
    pub async fn send_state<I>(&self, source: &SourceId, all: I) -> Result<ObservationOutcome, ClientError>
    where
        I: IntoIterator<Item: Serialize>,
        I::IntoIter: Send + 'static,
    {
        let path = path(routes::SOURCE_STATE, &[&source.kind(), &source.name()]);
        let lines = Body::wrap_stream(stream::iter(Lines(all.into_iter())));
        self.call("send the full state", Method::PUT, path)
            .timeout(WHOLE_STATE)
            .stream("application/x-ndjson", lines)
            .json()
            .await
    }

    /// Forget `source` and all its pods.
    pub async fn forget_source(&self, source: &SourceId) -> Result<(), ClientError> {
        let path = path(routes::SOURCE, &[&source.kind(), &source.name()]);
        self.call("forget a source", Method::DELETE, path).done().await
    }
}

/// Whatever is there as NDJSON, in chunks.
struct Lines<I>(I);

impl<I: Iterator<Item: Serialize>> Iterator for Lines<I> {
    type Item = Result<Bytes, serde_json::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let Some(line) = self.0.next() else { break };
            if let Err(error) = serde_json::to_writer(&mut chunk, &line) {
                return Some(Err(error));
            }
            chunk.push(b'\n');
        }
        (!chunk.is_empty()).then(|| Ok(chunk.into()))
    }
}
