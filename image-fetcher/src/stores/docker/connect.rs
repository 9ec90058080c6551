//! The connection to an engine: made when needed, made anew after a failure.

use crate::error::ReadError;
use bollard::{API_DEFAULT_VERSION, Docker};
use std::sync::{Mutex, PoisonError};

/// How long the engine may take to begin an answer; an export of a large image is prepared on
/// the engine's disk before its first byte.
const ANSWER_SECONDS: u64 = 600;

/// An engine, and the connection to it if there is one.
pub(super) struct Engine {
    endpoint: String,
    connection: Mutex<Option<Connection>>,
}

/// A connection whose API version is settled.
#[derive(Clone)]
pub(super) struct Connection {
    /// The client.
    pub(super) docker: Docker,
    /// Whether images lie in containerd's store: then an image's id is that of its manifest or
    /// index, and layers lie there as they were pulled, compressed.
    pub(super) has_containerd_store: bool,
}

impl Engine {
    pub(super) fn new(endpoint: &str) -> Self {
        Engine { endpoint: endpoint.to_owned(), connection: Mutex::new(None) }
    }

    /// The connection.
    pub(super) async fn connection(&self) -> Result<Connection, ReadError> {
        let known = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = known {
            return Ok(connection);
        }
        let connection = self.connect().await.map_err(|error| self.failed("answer", error))?;
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
        Ok(connection)
    }

    async fn connect(&self) -> Result<Connection, bollard::errors::Error> {
        let docker = if self.endpoint.starts_with("tcp://") || self.endpoint.starts_with("http://") {
            Docker::connect_with_http(&self.endpoint, ANSWER_SECONDS, API_DEFAULT_VERSION)?
        } else {
            Docker::connect_with_unix(&self.endpoint, ANSWER_SECONDS, API_DEFAULT_VERSION)?
        };
        let docker = docker.negotiate_version().await?;
        let status = docker.info().await?.driver_status.unwrap_or_default();
        let mut values = status.iter().flatten();
        let has_containerd_store = values.any(|value| value == "io.containerd.snapshotter.v1");
        Ok(Connection { docker, has_containerd_store })
    }

    /// An engine's error; what it means that there is no such image is the caller's to know.
    /// An engine that was gone may come back as another version: the connection is forgotten.
    pub(super) fn failed(&self, operation: &str, source: bollard::errors::Error) -> ReadError {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        ReadError::Engine { operation: format!("{operation} ({})", self.endpoint), source }
    }
}

/// Whether the engine says that there is no such thing.
pub(super) fn is_not_found(error: &bollard::errors::Error) -> bool {
    // Engines answer 400 to references that cannot be theirs.
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 400 | 404, .. })
}
