//! The engines of this host: where they may listen, and whether each answers.
//!
//! Asked by hand with one GET each, so that nobody needs an engine's client to know who is there.

use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

const PATIENCE: Duration = Duration::from_secs(3);
const MAX_ANSWER: u64 = 256 << 10;

/// A place where an engine may listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineCandidate {
    /// As `unix:///var/run/docker.sock` or `tcp://127.0.0.1:2375`.
    pub endpoint: String,
    /// Why it was looked at: `DOCKER_HOST`, `Docker`, `Podman`, with `(rootless)`.
    pub origin: &'static str,
    /// What was found.
    pub state: EngineState,
}

/// What was found at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// An engine answers.
    Found(Engine),
    /// Nothing is there.
    NotFound,
    /// Something is there that this process may not use; what to do about it.
    NoPermission {
        /// For people.
        advice: String,
    },
    /// Something is there that does not answer as an engine would.
    Silent {
        /// For people.
        reason: String,
    },
}

/// An engine that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its version, as `28.2.2`.
    pub version: String,
    /// Its own id, where it has one.
    pub id: Option<String>,
    /// Its host's name, where it says one.
    pub name: Option<String>,
    /// Whether it is Podman.
    pub is_podman: bool,
}

impl fmt::Display for EngineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineState::Found(engine) if engine.is_podman => write!(f, "found: Podman {}", engine.version),
            EngineState::Found(engine) => write!(f, "found: Docker {}", engine.version),
            EngineState::NotFound => f.write_str("not found"),
            EngineState::NoPermission { advice } => write!(f, "no permission: {advice}"),
            EngineState::Silent { reason } => write!(f, "does not answer: {reason}"),
        }
    }
}

/// Look at every place where an engine may listen. If `DOCKER_HOST`
/// is set, that is the only place: its owner has chosen.
pub async fn find_engines(environment: &HashMap<String, String>) -> Vec<EngineCandidate> {
    let mut found = Vec::new();
    for (origin, endpoint) in places(environment) {
        let state = look_at(&endpoint).await;
        found.push(EngineCandidate { endpoint, origin, state });
    }
    found
}

fn places(environment: &HashMap<String, String>) -> Vec<(&'static str, String)> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    if let Some(host) = set("DOCKER_HOST") {
        return vec![("DOCKER_HOST", host.clone())];
    }
    let mut places = vec![("Docker", "unix:///var/run/docker.sock".to_owned())];
    if let Some(runtime) = set("XDG_RUNTIME_DIR") {
        places.push(("Docker (rootless)", format!("unix://{runtime}/docker.sock")));
    }
    places.push(("Podman", "unix:///run/podman/podman.sock".to_owned()));
    if let Some(runtime) = set("XDG_RUNTIME_DIR") {
        places.push(("Podman (rootless)", format!("unix://{runtime}/podman/podman.sock")));
    }
    places
}

/// What is at one place.
pub async fn look_at(endpoint: &str) -> EngineState {
    match tokio::time::timeout(PATIENCE, ask(endpoint)).await {
        Err(_) => EngineState::Silent { reason: "no answer within 3 seconds".to_owned() },
        Ok(Ok(engine)) => EngineState::Found(engine),
        Ok(Err(error)) => match error.kind() {
            ErrorKind::NotFound => EngineState::NotFound,
            // A socket that its engine left behind, or one that its engine will serve.
            ErrorKind::ConnectionRefused => EngineState::Silent { reason: "it is not running".to_owned() },
            ErrorKind::PermissionDenied => EngineState::NoPermission { advice: advice(endpoint) },
            _ => EngineState::Silent { reason: error.to_string() },
        },
    }
}

fn advice(endpoint: &str) -> String {
    let path = endpoint.strip_prefix("unix://").unwrap_or(endpoint);
    format!(
        "{path} is closed to this user; run as root, or join the socket's group \
         (sudo usermod -aG docker $USER, then log in again)"
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
    #[serde(default)]
    components: Option<Vec<Component>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Component {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct About {
    #[serde(rename = "ID", default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

async fn ask(endpoint: &str) -> std::io::Result<Engine> {
    let version: Version = get(endpoint, "/version").await?;
    let about: About = get(endpoint, "/info").await?;
    let components = version.components.unwrap_or_default();
    let is_podman = components.iter().any(|component| component.name.starts_with("Podman"));
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(Engine { version: version.version, id: filled(about.id), name: filled(about.name), is_podman })
}

async fn get<T: serde::de::DeserializeOwned>(endpoint: &str, path: &str) -> std::io::Result<T> {
    let answer = if let Some(socket) = endpoint.strip_prefix("unix://") {
        exchange(UnixStream::connect(socket).await?, path).await?
    } else if let Some(address) = endpoint.strip_prefix("tcp://").or(endpoint.strip_prefix("http://")) {
        exchange(TcpStream::connect(address.trim_end_matches('/')).await?, path).await?
    } else {
        return Err(std::io::Error::other("expected unix:///path or tcp://host:port"));
    };
    parse(&answer).ok_or_else(|| std::io::Error::other("its answer is not an engine's"))
}

/// One request in HTTP 1.0: the answer ends with the connection.
async fn exchange(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    path: &str,
) -> std::io::Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

fn parse<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_ascii_whitespace().nth(1)?;
    (status == "200").then(|| serde_json::from_str(body).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    fn environment(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// An engine that gives these answers, one connection each.
    fn serve(socket: &std::path::Path, answers: Vec<&'static str>) {
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await.unwrap();
                stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{answer}").as_bytes()).await.unwrap();
            }
        });
    }

    fn endpoint(socket: &std::path::Path) -> String {
        format!("unix://{}", socket.display())
    }

    #[tokio::test]
    async fn engine_that_answers_is_found_with_its_version_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let version = r#"{"Version":"4.3.1","Components":[{"Name":"Podman Engine"}]}"#;
        serve(&socket, vec![version, r#"{"ID":"","Name":"host-1"}"#]);
        let found = find_engines(&environment(&[("DOCKER_HOST", &endpoint(&socket))])).await;
        let [candidate] = found.as_slice() else { panic!("{found:?}") };
        let EngineState::Found(engine) = &candidate.state else { panic!("{}", candidate.state) };
        assert_eq!((&*engine.version, engine.is_podman), ("4.3.1", true));
        assert_eq!((engine.id.as_deref(), engine.name.as_deref()), (None, Some("host-1")));
    }

    #[tokio::test]
    async fn place_without_socket_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(look_at(&endpoint(&folder.path().join("none.sock"))).await, EngineState::NotFound);
    }

    #[tokio::test]
    async fn socket_that_was_left_behind_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        drop(UnixListener::bind(&socket).unwrap());
        assert_eq!(
            look_at(&endpoint(&socket)).await,
            EngineState::Silent { reason: "it is not running".to_owned() }
        );
    }

    #[tokio::test]
    async fn answer_of_something_else_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        serve(&socket, vec!["hello"]);
        assert!(matches!(look_at(&endpoint(&socket)).await, EngineState::Silent { .. }));
    }

    #[test]
    fn places_without_a_choice_are_docker_and_podman_and_their_rootless_kin() {
        let listed = places(&environment(&[("XDG_RUNTIME_DIR", "/run/user/7")]));
        let origins: Vec<&str> = listed.iter().map(|(origin, _)| *origin).collect();
        assert_eq!(origins, ["Docker", "Docker (rootless)", "Podman", "Podman (rootless)"]);
        assert_eq!(places(&environment(&[("DOCKER_HOST", "tcp://h:1")])).len(), 1);
    }
}
