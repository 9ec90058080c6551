//! Documents of images, as parsed: OCI index, manifest and config (image specification 1.1), and
//! the `manifest.json` of `docker save`.
//!
//! A document that could be read in two ways is refused, as CVE-2021-41190 teaches.

use super::MAX_LAYERS;
use crate::error::ReadError;
use api_vocab::{Digest, Platform};
use serde::Deserialize;
use std::collections::BTreeMap;

const MAX_MANIFESTS: usize = 256;
const MANIFEST_TYPES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const INDEX_TYPES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const LAYER_PREFIXES: [&str; 4] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
];

/// An index or a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OciDocument {
    /// Points to manifests, or further indices.
    Index(Vec<Descriptor>),
    /// Points to a config and layers.
    Manifest(Manifest),
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The config.
    pub config: Descriptor,
    /// The layers, bottom first.
    pub layers: Vec<Descriptor>,
}

/// Points to a blob.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// What it was built for.
    #[serde(default)]
    pub platform: Option<RawPlatform>,
    /// Names and further remarks.
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// A platform as documents write it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct RawPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

/// An image's config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Digests of the uncompressed layers, bottom first.
    pub diff_ids: Vec<Digest>,
    /// What it was built for.
    pub platform: Option<Platform>,
}

/// One image of a `docker save` archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SavedImage {
    /// The name of the config.
    pub config: String,
    /// `repository:tag` names.
    #[serde(default)]
    pub repo_tags: Option<Vec<String>>,
    /// Names of the layers, bottom first.
    #[serde(default)]
    pub layers: Option<Vec<String>>,
}

impl RawPlatform {
    /// The platform, if it is one.
    pub fn parse(&self) -> Option<Platform> {
        let variant = self.variant.as_deref().filter(|variant| !variant.is_empty());
        let suffix = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
        format!("{}/{}{suffix}", self.os, self.architecture).parse().ok()
    }
}

impl Descriptor {
    /// Whether it points to something that is no image: signatures, attestations, other artifacts.
    pub fn is_attachment(&self) -> bool {
        let known = INDEX_TYPES.contains(&self.media_type.as_str())
            || MANIFEST_TYPES.contains(&self.media_type.as_str())
            || self.media_type.is_empty();
        !known || self.annotation("vnd.docker.reference.type").is_some()
    }

    /// Whether it points to a layer of files.
    pub fn is_layer(&self) -> bool {
        LAYER_PREFIXES.iter().any(|prefix| self.media_type.starts_with(prefix))
    }

    /// One of its annotations.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    #[serde(default)]
    schema_version: Option<u32>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

/// Parse an index or manifest whose descriptor says `media_type` (empty: says nothing).
///
/// # Errors
/// It is malformed, over a limit, or contradicts itself or its descriptor.
pub fn parse_oci(name: &str, bytes: &[u8], media_type: &str) -> Result<OciDocument, ReadError> {
    let raw: RawDocument =
        serde_json::from_slice(bytes).map_err(|error| ReadError::malformed(name, error))?;
    if raw.schema_version == Some(1) {
        let advice = "obsolete since 2017: push the image again with a present-day tool";
        return Err(ReadError::Unsupported(format!("{name}: manifest schema 1 ({advice})")));
    }
    if raw.schema_version.is_some_and(|version| version != 2) {
        return Err(ReadError::Unsupported(format!("{name}: a schema version other than 2")));
    }
    refuse_contradiction(name, &raw, media_type)?;
    match (raw.manifests, raw.config, raw.layers) {
        (Some(manifests), None, None) if manifests.len() <= MAX_MANIFESTS => {
            Ok(OciDocument::Index(manifests))
        }
        (Some(_), None, None) => Err(too_large(name, "256 manifests")),
        (None, Some(config), Some(layers)) if layers.len() <= MAX_LAYERS => {
            Ok(OciDocument::Manifest(Manifest { config, layers }))
        }
        (None, Some(_), Some(_)) => Err(too_large(name, "512 layers")),
        _ => Err(ReadError::malformed(name, "neither an index nor a manifest")),
    }
}

fn refuse_contradiction(name: &str, raw: &RawDocument, outer: &str) -> Result<(), ReadError> {
    let ambiguous = |reason: String| ReadError::Ambiguous { document: name.to_owned(), reason };
    let has_manifest_fields = raw.config.is_some() || raw.layers.is_some();
    if raw.manifests.is_some() && has_manifest_fields {
        return Err(ambiguous("it has both manifests and config or layers".to_owned()));
    }
    let inner = raw.media_type.as_deref().unwrap_or_default();
    if !inner.is_empty() && !outer.is_empty() && inner != outer {
        return Err(ambiguous(format!("its descriptor says {outer:?}, it says {inner:?}")));
    }
    for said in [inner, outer] {
        if INDEX_TYPES.contains(&said) && has_manifest_fields
            || MANIFEST_TYPES.contains(&said) && raw.manifests.is_some()
        {
            return Err(ambiguous(format!("{said:?} does not fit its fields")));
        }
    }
    Ok(())
}

fn too_large(name: &str, limit: &'static str) -> ReadError {
    ReadError::TooLarge { what: name.to_owned(), limit }
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(flatten)]
    platform: RawPlatform,
    rootfs: RawRootfs,
}

#[derive(Deserialize)]
struct RawRootfs {
    #[serde(default)]
    diff_ids: Option<Vec<Digest>>,
}

/// Parse an image's config.
///
/// # Errors
/// It is malformed or over a limit.
pub fn parse_config(name: &str, bytes: &[u8]) -> Result<Config, ReadError> {
    let raw: RawConfig = serde_json::from_slice(bytes).map_err(|error| ReadError::malformed(name, error))?;
    let diff_ids = raw.rootfs.diff_ids.unwrap_or_default();
    if diff_ids.len() > MAX_LAYERS {
        return Err(too_large(name, "512 layers"));
    }
    Ok(Config { diff_ids, platform: raw.platform.parse() })
}

/// Parse the `manifest.json` of a `docker save` archive.
///
/// # Errors
/// It is malformed or over a limit.
pub fn parse_saved(name: &str, bytes: &[u8]) -> Result<Vec<SavedImage>, ReadError> {
    let images: Vec<SavedImage> =
        serde_json::from_slice(bytes).map_err(|error| ReadError::malformed(name, error))?;
    if images.len() > MAX_MANIFESTS {
        return Err(too_large(name, "256 images"));
    }
    Ok(images)
}
