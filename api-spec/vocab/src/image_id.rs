//! The forms in which runtimes report what image really runs.
//!
//! Kubernetes hands through what the runtime's CRI `ImageSpec`/`Image` says: containerd gives
//! `repository@sha256:…` or a bare config digest, the Docker shim gave `docker-pullable://…` and
//! `docker://…`; a Docker engine gives the config digest (or, with the containerd image store,
//! the manifest's).

use crate::text::shown;
use crate::{Digest, ImageRef};
use std::str::FromStr;

/// What a runtime says is running: a digest, and the repository it was pulled from if it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedImage {
    /// The digest: of an index, a manifest or a config; which of them is not said.
    pub digest: Digest,
    /// Where it was pulled from, pinned by the digest.
    pub reference: Option<ImageRef>,
}

/// A text in none of the known forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an image id: \"{0}\"; expected a digest or repository@digest, with or without docker:// or docker-pullable://"
)]
pub struct ImageIdError(String);

impl FromStr for ReportedImage {
    type Err = ImageIdError;

    fn from_str(text: &str) -> Result<Self, ImageIdError> {
        let bare = ["docker-pullable://", "docker://", "containerd://", "cri-o://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .unwrap_or(text);
        // Most are references, and to refuse them as digests first takes longer than to read them.
        if !bare.contains('@')
            && let Ok(digest) = bare.parse::<Digest>()
        {
            return Ok(ReportedImage { digest, reference: None });
        }
        if bare.len() == 64
            && let Ok(digest) = format!("sha256:{bare}").parse::<Digest>()
        {
            return Ok(ReportedImage { digest, reference: None });
        }
        let reference: ImageRef = bare.parse().map_err(|_| ImageIdError(shown(text)))?;
        let digest = reference.digest().cloned().ok_or_else(|| ImageIdError(shown(text)))?;
        Ok(ReportedImage { digest, reference: Some(reference) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reported_image_in_each_form_gives_the_digest() {
        let hex = "ab".repeat(32);
        let digest: Digest = format!("sha256:{hex}").parse().unwrap();
        for (text, reference) in [
            (hex.clone(), None),
            (format!("sha256:{hex}"), None),
            (format!("docker://sha256:{hex}"), None),
            (format!("docker-pullable://nginx@sha256:{hex}"), Some("docker.io/library/nginx")),
            (format!("quay.io/a/b@sha256:{hex}"), Some("quay.io/a/b")),
        ] {
            let reported: ReportedImage = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(reported.digest, digest);
            assert_eq!(reported.reference.map(|r| r.name()).as_deref(), reference);
        }
    }

    #[test]
    fn reported_image_without_digest_is_refused() {
        for text in ["", "nginx", "nginx:1", "docker://", "docker://../x"] {
            assert!(text.parse::<ReportedImage>().is_err(), "{text}");
        }
    }
}
