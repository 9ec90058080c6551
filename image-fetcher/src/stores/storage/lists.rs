//! The lists of a storage: images, layers, and the documents that belong to an image.

use crate::error::ReadError;
use crate::image::documents::{OciDocument, parse_config, parse_oci};
use crate::image::find::sha256;
use crate::image::{MAX_DOCUMENT, MAX_LAYERS, StoredImage, StoredLayer};
use crate::stores::unpacked::Folder;
use api_vocab::Digest;
use api_wire::lease::ImageIdentity;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A list of 100,000 layers has about 50 MB.
const MAX_LIST: u64 = 64 << 20;
/// Manifests of one image that are looked at for its index.
const MAX_MANIFESTS: usize = 8;

/// How layers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    /// Each apart.
    Overlay,
    /// Each with all beneath it.
    Vfs,
}

impl Driver {
    pub(super) const ALL: [Self; 2] = [Driver::Overlay, Driver::Vfs];

    /// The folder of the list of images.
    pub(super) fn images(self) -> &'static str {
        match self {
            Driver::Overlay => "overlay-images",
            Driver::Vfs => "vfs-images",
        }
    }

    /// The folder of the list of layers, and of their archives' recipes.
    pub(super) fn layers(self) -> &'static str {
        match self {
            Driver::Overlay => "overlay-layers",
            Driver::Vfs => "vfs-layers",
        }
    }
}

/// An image as listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedImage {
    id: String,
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// Its topmost layer.
    #[serde(default)]
    layer: String,
    #[serde(default)]
    big_data_names: Vec<String>,
}

impl ListedImage {
    /// What it is known by: its config, manifests, index.
    pub(super) fn digests(&self) -> impl Iterator<Item = Digest> {
        let names = self.big_data_names.iter();
        let known = names.filter_map(|name| name.strip_prefix("manifest-").unwrap_or(name).parse().ok());
        format!("sha256:{}", self.id).parse().into_iter().chain(known)
    }
}

/// A layer as listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedLayer {
    id: String,
    #[serde(default)]
    parent: String,
    #[serde(default)]
    diff_digest: Option<Digest>,
    #[serde(default)]
    diff_size: Option<i64>,
    #[serde(default)]
    flags: HashMap<String, serde_json::Value>,
}

impl ListedLayer {
    /// Whether it is finished, and not being removed.
    fn is_complete(&self) -> bool {
        !self.flags.get("incomplete").is_some_and(|flag| flag == &serde_json::Value::Bool(true))
    }
}

/// The lists of one driver.
pub(super) struct Lists {
    root: PathBuf,
    driver: Driver,
    pub(super) images: Vec<ListedImage>,
    layers: HashMap<String, ListedLayer>,
}

/// Whether a layer is there still.
///
/// # Errors
/// The list cannot be read.
pub(super) fn has_layer(root: &Path, driver: Driver, id: &str) -> Result<bool, ReadError> {
    let layers: Vec<ListedLayer> = read_list(root, driver.layers(), "layers.json")?;
    Ok(layers.iter().any(|layer| layer.id == id && layer.is_complete()))
}

impl Lists {
    /// Read them.
    ///
    /// # Errors
    /// One is malformed, too large, or cannot be read.
    pub(super) fn read(root: &Path, driver: Driver) -> Result<Self, ReadError> {
        let images = read_list(root, driver.images(), "images.json")?;
        let layers: Vec<ListedLayer> = read_list(root, driver.layers(), "layers.json")?;
        let layers = layers.into_iter().filter(ListedLayer::is_complete);
        let layers = layers.map(|layer| (layer.id.clone(), layer)).collect();
        Ok(Lists { root: root.to_owned(), driver, images, layers })
    }

    /// An image with its documents.
    ///
    /// # Errors
    /// A document is not what it ought to be; the lists contradict each other, as they may for a
    /// moment.
    pub(super) fn open(&self, listed: &ListedImage) -> Result<StoredImage, ReadError> {
        let manifest_bytes = self.document(listed, "manifest")?;
        let OciDocument::Manifest(manifest) = parse_oci("manifest", &manifest_bytes, "")? else {
            return Err(ReadError::malformed("manifest", "an index in its place"));
        };
        let wanted = &manifest.config.digest;
        let config_bytes = self.document(listed, &wanted.to_string())?;
        let found = sha256(&config_bytes);
        if found != *wanted {
            let what = "the image's config".to_owned();
            return Err(ReadError::DigestMismatch { what, expected: wanted.clone(), found });
        }
        let config = parse_config("the image's config", &config_bytes)?;
        let identity = ImageIdentity {
            config: Some(found),
            manifest: Some(sha256(&manifest_bytes)),
            index: self.index_of(listed)?,
            platform: config.platform,
        };
        let layers = self.layers_of(listed, &config.diff_ids)?;
        Ok(StoredImage { identity, layers, references: listed.names.clone() })
    }

    /// The index that the image was chosen from, if it was kept.
    fn index_of(&self, listed: &ListedImage) -> Result<Option<Digest>, ReadError> {
        let kept = listed.big_data_names.iter().filter_map(|name| {
            let digest: Digest = name.strip_prefix("manifest-")?.parse().ok()?;
            Some((name, digest))
        });
        for (name, digest) in kept.take(MAX_MANIFESTS) {
            let bytes = self.document(listed, name)?;
            let is_index = matches!(parse_oci(name, &bytes, ""), Ok(OciDocument::Index(_)));
            if is_index && sha256(&bytes) == digest {
                return Ok(Some(digest));
            }
        }
        Ok(None)
    }

    /// The layers from the topmost down, which must be those of the config.
    fn layers_of(&self, listed: &ListedImage, diff_ids: &[Digest]) -> Result<Vec<StoredLayer>, ReadError> {
        let mut layers = Vec::new();
        let mut next = listed.layer.as_str();
        while !next.is_empty() && layers.len() <= MAX_LAYERS {
            // Lists are read one after the other.
            let layer = self.layers.get(next).ok_or_else(|| self.contradiction(&listed.id))?;
            layers.push(layer);
            next = &layer.parent;
        }
        layers.reverse();
        let found = layers.iter().map(|layer| layer.diff_digest.as_ref());
        if !found.eq(diff_ids.iter().map(Some)) {
            return Err(ReadError::malformed(
                "the image's config",
                "its layers are not those of the storage",
            ));
        }
        let stored = layers.into_iter().zip(diff_ids).map(|(layer, diff_id)| StoredLayer {
            diff_id: diff_id.clone(),
            digest: None,
            size: layer.diff_size.and_then(|size| u64::try_from(size).ok()),
            name: layer.id.clone(),
        });
        Ok(stored.collect())
    }

    /// The layer beneath another one.
    pub(super) fn parent_of(&self, id: &str) -> Option<&str> {
        self.layers.get(id).map(|layer| layer.parent.as_str()).filter(|parent| !parent.is_empty())
    }

    fn contradiction(&self, image: &str) -> ReadError {
        let what = format!("image {image} in {}", self.root.display());
        ReadError::Interrupted { what, reason: "its layers are being changed".to_owned() }
    }

    /// A document of an image, by the name that the storage has for it.
    fn document(&self, listed: &ListedImage, name: &str) -> Result<Vec<u8>, ReadError> {
        let path = self.root.display();
        let read = || {
            let folder = Folder::open(&self.root)?.open_folder(self.driver.images().as_bytes())?;
            let folder = folder.open_folder(plain(&listed.id)?.as_bytes())?;
            let mut bytes = Vec::new();
            folder.open_file(file_name(name).as_bytes())?.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => self.contradiction(&listed.id),
            _ => ReadError::io(format!("read {name} of image {} in {path}", listed.id), error),
        })?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_DOCUMENT) {
            return Err(ReadError::TooLarge { what: name.to_owned(), limit: "4 MiB" });
        }
        Ok(bytes)
    }
}

/// An id as the name of a file or folder: letters and digits, or it is none.
pub(super) fn plain(id: &str) -> std::io::Result<&str> {
    let is_plain = !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then_some(id).ok_or_else(|| std::io::Error::new(ErrorKind::InvalidData, "an id that is none"))
}

/// The file of a document: its name, or where that has other than small letters, digits and dots,
/// an encoding of it.
fn file_name(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    if name.bytes().all(is_plain) { name.to_owned() } else { format!("={}", STANDARD.encode(name)) }
}

fn read_list<T: DeserializeOwned>(root: &Path, folder: &str, name: &str) -> Result<Vec<T>, ReadError> {
    let path = root.join(folder).join(name);
    let failed = |error: std::io::Error| ReadError::io(format!("read {}", path.display()), error);
    let opened = Folder::open(root)
        .and_then(|root| root.open_folder(folder.as_bytes()))
        .and_then(|folder| folder.open_file(name.as_bytes()));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_LIST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_LIST) {
        return Err(ReadError::TooLarge { what: path.display().to_string(), limit: "64 MiB" });
    }
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&bytes).map_err(|error| ReadError::malformed(&path.display().to_string(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_name_is_encoded_as_containers_storage_does() {
        for (name, file) in [
            ("manifest", "manifest"),
            ("sha256:00ff", "=c2hhMjU2OjAwZmY="),
            ("manifest-sha256:0", "=bWFuaWZlc3Qtc2hhMjU2OjA="),
            ("../../etc/passwd", "=Li4vLi4vZXRjL3Bhc3N3ZA=="),
        ] {
            assert_eq!(file_name(name), file);
        }
    }

    #[test]
    fn id_that_is_a_path_is_refused() {
        for id in ["", "..", "a/b", "a\0", &"a".repeat(129)] {
            assert!(plain(id).is_err(), "{id:?}");
        }
        assert_eq!(plain("00ffAB").unwrap(), "00ffAB");
    }
}
