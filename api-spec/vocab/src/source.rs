//! What is perceived: a cluster, an engine or a host.

use crate::text::{serde_as_text, shown, string_enum};
use std::fmt;
use std::str::FromStr;

string_enum! {
    /// The kind of platform that a source is.
    SourceKind, "source kind" {
        /// A Docker engine (Compose and Swarm included).
        Docker = "docker",
        /// A machine without an engine of its own, watched by the host agent.
        Host = "host",
        /// A static inventory file.
        Inventory = "inventory",
        /// A Kubernetes cluster.
        Kubernetes = "kubernetes",
        /// An OpenShift cluster.
        Openshift = "openshift",
        /// A Podman service.
        Podman = "podman",
    }
}

/// A source: `<kind>/<name>`, as `kubernetes/prod-eu`; the name is 1 to 128 characters from
/// `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    kind: SourceKind,
    name: Box<str>,
}

/// A text that is not a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a source: \"{0}\"; expected kind/name, as docker/host-1 (kinds: docker, host, inventory, kubernetes, openshift, podman)"
)]
pub struct SourceError(String);

impl SourceId {
    /// The source of this kind and name.
    pub fn new(kind: SourceKind, name: &str) -> Result<Self, SourceError> {
        let well_formed = (1..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if well_formed {
            Ok(SourceId { kind, name: name.into() })
        } else {
            Err(SourceError(shown(&format!("{kind}/{name}"))))
        }
    }

    /// The kind of platform.
    pub const fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The name among its kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for SourceId {
    type Err = SourceError;
    fn from_str(text: &str) -> Result<Self, SourceError> {
        let refused = || SourceError(shown(text));
        let (kind, name) = text.split_once('/').ok_or_else(refused)?;
        SourceId::new(kind.parse().map_err(|_| refused())?, name).map_err(|_| refused())
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

serde_as_text!(SourceId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_text_round_trips() {
        for text in ["docker/host-1", "kubernetes/prod.eu_1"] {
            assert_eq!(text.parse::<SourceId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn source_malformed_is_refused() {
        for text in ["", "docker", "docker/", "vmware/x", "docker/a/b", "docker/a b"] {
            assert!(text.parse::<SourceId>().is_err(), "{text}");
        }
    }
}
