//! Which engines this host may have, and whether each answers.

use crate::engine::{Engine, EngineError, Identity};
use std::path::Path;

/// An address where an engine may be, and what was found there.
#[derive(Debug)]
pub struct Found {
    /// The address, as `unix:///run/podman/podman.sock`.
    pub address: String,
    /// The engine, or why there is none.
    pub outcome: Result<Identity, EngineError>,
}

/// Where engines may be: `DOCKER_HOST` alone if it is set, else Docker's and Podman's sockets, the
/// rootless ones too. `variable` looks up the environment.
pub fn candidates(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    if let Some(host) = variable("DOCKER_HOST").filter(|host| !host.is_empty()) {
        return vec![host];
    }
    let mut sockets = vec!["/var/run/docker.sock".to_owned(), "/run/podman/podman.sock".to_owned()];
    if let Some(runtime) = variable("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        sockets.push(format!("{runtime}/docker.sock"));
        sockets.push(format!("{runtime}/podman/podman.sock"));
    }
    if let Some(home) = variable("HOME").filter(|dir| !dir.is_empty()) {
        sockets.push(format!("{home}/.docker/run/docker.sock"));
    }
    sockets.into_iter().map(|socket| format!("unix://{socket}")).collect()
}

/// Look at each address; two addresses of one socket are looked at once.
pub async fn look(addresses: Vec<String>) -> Vec<Found> {
    let (mut found, mut seen) = (Vec::new(), Vec::new());
    for address in addresses {
        let place = place(&address);
        if seen.contains(&place) {
            continue;
        }
        seen.push(place);
        let outcome = Engine::connect(&address).await.map(|engine| engine.identity().clone());
        found.push(Found { address, outcome });
    }
    found
}

fn place(address: &str) -> String {
    let path = address.strip_prefix("unix://").and_then(|path| Path::new(path).canonicalize().ok());
    path.map_or_else(|| address.to_owned(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_that_is_told_is_the_only_candidate() {
        let told = |name: &str| (name == "DOCKER_HOST").then(|| "tcp://10.0.0.7:2375".to_owned());
        assert_eq!(candidates(told), ["tcp://10.0.0.7:2375"]);
    }

    #[test]
    fn sockets_of_root_and_of_the_user_are_candidates() {
        let user = |name: &str| match name {
            "XDG_RUNTIME_DIR" => Some("/run/user/1000".to_owned()),
            "HOME" => Some("/home/ann".to_owned()),
            _ => Some(String::new()),
        };
        assert_eq!(
            candidates(user),
            [
                "unix:///var/run/docker.sock",
                "unix:///run/podman/podman.sock",
                "unix:///run/user/1000/docker.sock",
                "unix:///run/user/1000/podman/podman.sock",
                "unix:///home/ann/.docker/run/docker.sock",
            ]
        );
    }

    #[tokio::test]
    async fn socket_under_two_names_is_looked_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        drop(std::os::unix::net::UnixListener::bind(&one).unwrap());
        std::os::unix::fs::symlink(&one, &two).unwrap();
        let addresses = [&one, &two].map(|path| format!("unix://{}", path.display()));
        let found = look(addresses.to_vec()).await;
        assert_eq!(found.len(), 1);
        assert!(matches!(found[0].outcome, Err(EngineError::Absent { .. })));
    }
}
