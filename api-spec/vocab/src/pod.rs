//! Pods and containers, as in Kubernetes; a lone container is a one-container pod.

use crate::text::{serde_as_text, shown, string_enum};
use std::fmt;
use std::str::FromStr;

string_enum! {
    /// The part a container plays in its pod.
    ContainerKind, "container kind" {
        /// One of `spec.containers`, or a lone container.
        Regular = "regular",
        /// One of `spec.initContainers`.
        Init = "init",
        /// One of `spec.ephemeralContainers`.
        Ephemeral = "ephemeral",
    }
}

string_enum! {
    /// Where a pod is in its life.
    PodPhase, "pod phase" {
        /// Accepted, not yet started.
        Pending = "pending",
        /// Running; a paused container is running.
        Running = "running",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended badly.
        Failed = "failed",
    }
}

/// What a pod is called within its source: `<namespace>/<name>`; engines without namespaces
/// leave the namespace empty (`/<name>`).
///
/// At most 512 bytes, no control characters, no slash in either part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    text: Box<str>,
    namespace_len: u16,
}

/// A text that is not a pod's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a pod: \"{0}\"; expected namespace/name, or /name where there are no namespaces")]
pub struct PodKeyError(String);

impl PodKey {
    /// The pod of this name; `namespace` is empty where the platform has none.
    pub fn new(namespace: &str, name: &str) -> Result<Self, PodKeyError> {
        format!("{namespace}/{name}").parse()
    }

    /// The namespace, or an empty text.
    pub fn namespace(&self) -> &str {
        self.text.get(..usize::from(self.namespace_len)).unwrap_or_default()
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.text.get(usize::from(self.namespace_len) + 1..).unwrap_or_default()
    }

    /// Namespace, slash, name.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PodKey {
    type Err = PodKeyError;
    fn from_str(text: &str) -> Result<Self, PodKeyError> {
        let refused = || PodKeyError(shown(text));
        let (namespace, name) = text.split_once('/').ok_or_else(refused)?;
        let well_formed = !name.is_empty()
            && !name.contains('/')
            && text.len() <= 512
            && !text.chars().any(char::is_control);
        let namespace_len = u16::try_from(namespace.len()).map_err(|_| refused())?;
        if well_formed { Ok(PodKey { text: text.into(), namespace_len }) } else { Err(refused()) }
    }
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

serde_as_text!(PodKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_key_without_namespace_keeps_its_slash() {
        let key = PodKey::new("", "web-1").unwrap();
        assert_eq!((key.namespace(), key.name(), key.as_str()), ("", "web-1", "/web-1"));
        assert_eq!(key.to_string().parse::<PodKey>().unwrap(), key);
    }

    #[test]
    fn pod_key_malformed_is_refused() {
        for text in ["", "web", "a/", "a/b/c", "a/b\u{7}"] {
            assert!(text.parse::<PodKey>().is_err(), "{text}");
        }
    }
}
