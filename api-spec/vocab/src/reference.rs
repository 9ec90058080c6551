//! Image references as people and manifests write them.
//!
//! Grammar: distribution specification, "Pulling manifests", and the reference grammar of the
//! distribution project: `[registry[:port]/]repository[:tag][@digest]`. A name without a
//! registry means Docker Hub; a Docker Hub name without a namespace means `library/`.

use crate::Digest;
use crate::text::{serde_as_text, shown};
use std::fmt;
use std::str::FromStr;

const DEFAULT_REGISTRY: &str = "docker.io";
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// A parsed, normalised reference; displays in full: `docker.io/library/nginx:1.27`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    registry: Box<str>,
    repository: Box<str>,
    tag: Option<Box<str>>,
    digest: Option<Digest>,
}

/// A text that is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an image reference: \"{0}\"; expected [registry/]repository[:tag][@digest]")]
pub struct ImageRefError(String);

impl ImageRef {
    /// The registry's host and port, as `docker.io` or `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository within the registry, as `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` where neither tag nor digest was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if the reference is pinned.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Registry and repository, without tag or digest: what policy scope and waivers hang on.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The form people write: no `docker.io/library/`.
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        let hub = full.strip_prefix("docker.io/").unwrap_or(&full);
        hub.strip_prefix("library/").unwrap_or(hub).to_owned()
    }
}

fn is_registry(first: &str) -> bool {
    first.eq_ignore_ascii_case("localhost") || first.contains(['.', ':'])
}

fn is_registry_well_formed(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let host_ok = match host.strip_prefix('[') {
        Some(v6) => v6.strip_suffix(']').is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host.split('.').all(|label| {
                    !label.is_empty()
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
        }
    };
    host_ok && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A path component: runs of `a-z0-9` joined by `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let bytes = component.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends_well = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
    ends_well
        && bytes.iter().all(|b| alphanumeric(b) || b"._-".contains(b))
        && component
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    (1..=MAX_TAG).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !tag.starts_with(['.', '-'])
}

impl FromStr for ImageRef {
    type Err = ImageRefError;

    fn from_str(text: &str) -> Result<Self, ImageRefError> {
        let refused = || ImageRefError(shown(text));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>().map_err(|_| refused())?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ => (DEFAULT_REGISTRY, name),
        };
        // Hosts are equal whatever their case; what they are compared with is lower case.
        let registry = match registry.to_ascii_lowercase() {
            registry if registry == "index.docker.io" => DEFAULT_REGISTRY.to_owned(),
            registry => registry,
        };
        let repository = if registry == DEFAULT_REGISTRY && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let well_formed = registry.len() + repository.len() < MAX_NAME
            && is_registry_well_formed(&registry)
            && repository.split('/').all(is_component)
            && tag.is_none_or(is_tag);
        if !well_formed {
            return Err(refused());
        }
        Ok(ImageRef {
            registry: registry.into(),
            repository: repository.into(),
            tag: tag.or(digest.is_none().then_some("latest")).map(Into::into),
            digest,
        })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

serde_as_text!(ImageRef);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_normalised_is_displayed_in_full() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (written, full) in [
            ("nginx", "docker.io/library/nginx:latest".to_owned()),
            ("nginx:1.27", "docker.io/library/nginx:1.27".to_owned()),
            ("Docker.io/nginx", "docker.io/library/nginx:latest".to_owned()),
            ("LocalHost/x", "localhost/x:latest".to_owned()),
            ("library/nginx", "docker.io/library/nginx:latest".to_owned()),
            ("index.docker.io/nginx", "docker.io/library/nginx:latest".to_owned()),
            ("localhost/bb:1", "localhost/bb:1".to_owned()),
            ("localhost:5000/a/b/c", "localhost:5000/a/b/c:latest".to_owned()),
            ("Quay.IO/x/y__z:V1_2", "quay.io/x/y__z:V1_2".to_owned()),
            ("[::1]:5000/x", "[::1]:5000/x:latest".to_owned()),
            (&format!("a.b/c@{digest}"), format!("a.b/c@{digest}")),
            (&format!("a.b/c:t@{digest}"), format!("a.b/c:t@{digest}")),
        ] {
            let parsed: ImageRef = written.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(parsed.to_string(), full);
            assert_eq!(full.parse::<ImageRef>().unwrap(), parsed);
        }
    }

    #[test]
    fn reference_malformed_is_refused() {
        for text in [
            "",
            ":",
            "a:",
            "a@",
            "a//b",
            "/a",
            "a/",
            "../x",
            "a/../b",
            "UPPER",
            "eU/y",
            "a b",
            "a:t:u",
            "host:99999999/x",
            "-x.y/z",
            "a@sha256:00",
            "a..b",
            "a___b",
            "a\n",
            "http://x/y",
        ] {
            assert!(text.parse::<ImageRef>().is_err(), "{text}");
        }
        assert!("a".repeat(300).parse::<ImageRef>().is_err());
    }

    #[test]
    fn reference_familiar_leaves_hub_out() {
        assert_eq!("nginx".parse::<ImageRef>().unwrap().familiar(), "nginx:latest");
        assert_eq!("a/b:1".parse::<ImageRef>().unwrap().familiar(), "a/b:1");
        assert_eq!("quay.io/b:1".parse::<ImageRef>().unwrap().familiar(), "quay.io/b:1");
    }
}
