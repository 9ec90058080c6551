//! The engine: what is asked of it, and what may be wrong with it.

use crate::map::{Details, ImageNames};
use api_vocab::{SourceId, SourceKind};
use bollard::Docker;
use bollard::models::{ContainerSummary, EventMessage, SystemInfo, SystemVersion};
use bollard::query_parameters::{EventsOptions, InspectContainerOptions, ListContainersOptions};
use futures_util::{Stream, StreamExt};
use std::collections::HashMap;
use std::time::Duration;

/// How long the engine may take to begin an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is neither ended nor unknown to one of the engines.
const STATES: [&str; 4] = ["created", "running", "paused", "restarting"];
/// Podman refuses a list by states that it does not have.
const PODMAN_STATES: [&str; 3] = ["created", "running", "paused"];

/// Something is wrong with the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is nothing at its address.
    #[error("no engine at {address}")]
    Absent {
        /// The address.
        address: String,
    },
    /// Its socket is there, and closed to us.
    #[error(
        "no permission to use {address}; run as a member of the group that owns the socket (often: docker), or as root"
    )]
    Forbidden {
        /// The address.
        address: String,
    },
    /// It did not do what was asked.
    #[error("{operation} of the engine at {address}: {reason}")]
    Failed {
        /// What was asked.
        operation: &'static str,
        /// The address.
        address: String,
        /// What happened.
        reason: String,
    },
}

impl EngineError {
    /// What kind of outage it is: one to wait for, or one that a person must end.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            EngineError::Absent { .. } | EngineError::Failed { .. } => "away",
            EngineError::Forbidden { .. } => "forbidden",
        }
    }
}

/// Who an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Docker or Podman.
    pub kind: SourceKind,
    /// Its own name: the host's, as a rule.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// An engine that answered.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    address: String,
    identity: Identity,
    since: Option<String>,
}

impl Engine {
    /// Connect to the engine at `address` and learn who it is.
    pub async fn connect(address: &str) -> Result<Self, EngineError> {
        let failed = |operation| move |error| refusal(operation, address, &error);
        let docker = Docker::connect_with_host(address).map_err(failed("address"))?.with_timeout(PATIENCE);
        let docker = docker.negotiate_version().await.map_err(failed("version"))?;
        let version = docker.version().await.map_err(failed("version"))?;
        let info = docker.info().await.map_err(failed("name"))?;
        let identity = identity(version, &info);
        let since = info.system_time.as_deref().and_then(a_little_before);
        Ok(Engine { docker, address: address.to_owned(), identity, since })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The source it is: of this name, or of its own.
    pub fn source(&self, name: Option<&str>) -> Result<SourceId, EngineError> {
        let name = name.unwrap_or(&self.identity.name);
        SourceId::new(self.identity.kind, name).map_err(|e| EngineError::Failed {
            operation: "name",
            address: self.address.clone(),
            reason: format!("{e}; set engine.name"),
        })
    }

    /// Events of containers and images, from a little before the engine was connected to: what
    /// happens between the connection and this call is not lost.
    pub fn events(&self) -> impl Stream<Item = Result<EventMessage, EngineError>> + Send + use<'_> {
        let types = vec!["container".to_owned(), "image".to_owned()];
        let filters = HashMap::from([("type".to_owned(), types)]);
        let options = EventsOptions { since: self.since.clone(), until: None, filters: Some(filters) };
        self.docker.events(Some(options)).map(|event| event.map_err(|e| self.refusal("events", &e)))
    }

    /// Containers that are not ended: all, or those of `ids`.
    pub async fn list(&self, ids: &[String]) -> Result<Vec<ContainerSummary>, EngineError> {
        let states: &[&str] = match self.identity.kind {
            SourceKind::Podman => &PODMAN_STATES,
            _ => &STATES,
        };
        let states = states.iter().map(|state| (*state).to_owned()).collect();
        let mut filters = HashMap::from([("status".to_owned(), states)]);
        if !ids.is_empty() {
            filters.insert("id".to_owned(), ids.to_vec());
        }
        let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        self.docker.list_containers(Some(options)).await.map_err(|e| self.refusal("list", &e))
    }

    /// What the list does not say about a container.
    pub async fn details(&self, id: &str) -> Result<Details, EngineError> {
        let answer = self.docker.inspect_container(id, None::<InspectContainerOptions>).await;
        answer.map(|answer| Details::from(&answer)).map_err(|e| self.refusal("inspection of a container", &e))
    }

    /// Under which names the engine has an image.
    pub async fn image(&self, id: &str) -> Result<ImageNames, EngineError> {
        let answer = self.docker.inspect_image(id).await;
        answer.map(ImageNames::from).map_err(|e| self.refusal("inspection of an image", &e))
    }

    /// The stream of events ended.
    pub fn cut(&self) -> EngineError {
        let reason = "the stream ended".to_owned();
        EngineError::Failed { operation: "events", address: self.address.clone(), reason }
    }

    fn refusal(&self, operation: &'static str, error: &bollard::errors::Error) -> EngineError {
        refusal(operation, &self.address, error)
    }
}

fn identity(version: SystemVersion, info: &SystemInfo) -> Identity {
    let components = version.components.unwrap_or_default();
    let podman = components.iter().find(|component| component.name.starts_with("Podman"));
    let named = info.name.as_deref().unwrap_or_default();
    let name: String = named
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .take(128)
        .collect();
    Identity {
        kind: if podman.is_some() { SourceKind::Podman } else { SourceKind::Docker },
        name: if name.is_empty() { "local".to_owned() } else { name },
        version: podman.map(|podman| podman.version.clone()).or(version.version).unwrap_or_default(),
    }
}

/// The second before the engine's time, as engines want it told.
fn a_little_before(engine_time: &str) -> Option<String> {
    let time: api_vocab::Timestamp = engine_time.parse().ok()?;
    Some((time.as_millis() / 1_000 - 1).to_string())
}

fn refusal(operation: &'static str, address: &str, error: &bollard::errors::Error) -> EngineError {
    use bollard::errors::Error::SocketNotFoundError;
    let address = address.to_owned();
    let mut innermost: &dyn std::error::Error = error;
    let mut kind = None;
    loop {
        kind = innermost.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(kind);
        let Some(inner) = innermost.source() else { break };
        innermost = inner;
    }
    match kind {
        Some(std::io::ErrorKind::PermissionDenied) => EngineError::Forbidden { address },
        Some(std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
            EngineError::Absent { address }
        }
        _ if matches!(error, SocketNotFoundError(_)) => EngineError::Absent { address },
        _ => {
            let reason: String = innermost.to_string().chars().take(512).collect();
            EngineError::Failed { operation, address, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_of_a_docker_engine_is_its_hosts() {
        let version = include_str!("../testdata/docker-20.10/version.json");
        let info = include_str!("../testdata/docker-20.10/info.json");
        let (version, info) = (serde_json::from_str(version).unwrap(), serde_json::from_str(info).unwrap());
        let expected =
            Identity { kind: SourceKind::Docker, name: "host-1".into(), version: "20.10.24+dfsg1".into() };
        assert_eq!(identity(version, &info), expected);
    }

    #[test]
    fn name_that_no_source_may_have_is_bent() {
        for (own, bent) in [("Bob's host", "Bob-s-host"), ("", "local"), ("h\u{1b}", "h-")] {
            let info = SystemInfo { name: Some(own.into()), ..SystemInfo::default() };
            assert_eq!(identity(SystemVersion::default(), &info).name, bent);
        }
    }

    #[test]
    fn events_are_asked_for_from_before_the_connection() {
        assert_eq!(a_little_before("2026-11-21T07:16:00.999Z").as_deref(), Some("1795245359"));
        assert_eq!(a_little_before("soon"), None);
    }

    #[tokio::test]
    async fn engine_that_is_not_there_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let address = format!("unix://{}", dir.path().join("none.sock").display());
        assert!(matches!(Engine::connect(&address).await, Err(EngineError::Absent { .. })));
        let dead = dir.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let address = format!("unix://{}", dead.display());
        assert!(matches!(Engine::connect(&address).await, Err(EngineError::Absent { .. })));
        assert!(matches!(Engine::connect("nonsense").await, Err(EngineError::Failed { .. })));
    }
}
