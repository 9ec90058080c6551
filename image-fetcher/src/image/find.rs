//! Finding the images on a shelf: by `index.json`, by `manifest.json`, or both.

use super::documents::{Config, Descriptor, Manifest, OciDocument, SavedImage};
use super::documents::{parse_config, parse_oci, parse_saved};
use super::{MAX_LAYERS, Shelf, StoredImage, StoredLayer, blob_name};
use crate::error::ReadError;
use api_vocab::{Algorithm, Digest};
use api_wire::lease::ImageIdentity;
use bytes::Bytes;
use std::collections::BTreeSet;

/// An index within an index within an index is deep enough.
const MAX_DEPTH: usize = 3;
/// Indices, manifests and configs that are read of one shelf.
const MAX_READ: usize = 2048;
/// Layers of all images of one shelf.
const MAX_LAYERS_IN_ALL: usize = 65_536;
/// Names of images that tools write into an index.
const NAME_ANNOTATIONS: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/// All images that the shelf holds completely enough to be read.
///
/// # Errors
/// A document is malformed, ambiguous, over a limit, or not what its digest says.
pub fn find_images(shelf: &dyn Shelf) -> Result<Vec<StoredImage>, ReadError> {
    let index = shelf.read_document("index.json")?;
    let saved = shelf.read_document("manifest.json")?;
    if index.is_none() && saved.is_none() {
        return Err(ReadError::malformed("the archive", "neither index.json nor manifest.json is in it"));
    }
    let mut search = Search::of(shelf);
    if let Some(bytes) = index {
        search.by_index(&bytes)?;
    }
    for saved in saved.map(|bytes| parse_saved("manifest.json", &bytes)).transpose()?.unwrap_or_default() {
        search.add_saved(&saved)?;
    }
    Ok(search.found)
}

/// The images below one descriptor, of which the shelf may hold only some.
///
/// # Errors
/// As [`find_images`].
pub fn find_below(shelf: &dyn Shelf, descriptor: &Descriptor) -> Result<Vec<StoredImage>, ReadError> {
    let mut search = Search::of(shelf);
    search.below(descriptor)?;
    Ok(search.found)
}

fn names_of(descriptor: &Descriptor) -> Vec<String> {
    let names = NAME_ANNOTATIONS.iter().filter_map(|key| descriptor.annotation(key));
    names.map(str::to_owned).collect()
}

/// What the documents above say of a descriptor.
struct Within {
    index: Option<Digest>,
    references: Vec<String>,
    depth: usize,
}

/// The images that were found so far, and what may still be read.
struct Search<'s> {
    shelf: &'s dyn Shelf,
    documents: usize,
    layers: usize,
    /// Indices and manifests below the entry at hand: what it names twice is the same.
    seen: BTreeSet<Digest>,
    found: Vec<StoredImage>,
}

impl<'s> Search<'s> {
    fn of(shelf: &'s dyn Shelf) -> Self {
        let (documents, layers) = (MAX_READ, MAX_LAYERS_IN_ALL);
        Search { shelf, documents, layers, seen: BTreeSet::new(), found: Vec::new() }
    }

    fn by_index(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let OciDocument::Index(descriptors) = parse_oci("index.json", bytes, "")? else {
            return Err(ReadError::malformed("index.json", "not an index"));
        };
        let mut images = descriptors.iter().filter(|descriptor| !descriptor.is_attachment());
        images.try_for_each(|descriptor| self.below(descriptor))
    }

    fn below(&mut self, descriptor: &Descriptor) -> Result<(), ReadError> {
        self.seen.clear();
        let within = Within { index: None, references: names_of(descriptor), depth: MAX_DEPTH };
        self.descend(descriptor, &within)
    }

    fn descend(&mut self, descriptor: &Descriptor, within: &Within) -> Result<(), ReadError> {
        if !self.seen.insert(descriptor.digest.clone()) {
            return Ok(());
        }
        let name = blob_name(&descriptor.digest);
        // Archives of one platform keep the index that names all of them.
        let Some(bytes) = self.read_verified(&name, &descriptor.digest)? else { return Ok(()) };
        match parse_oci(&name, &bytes, &descriptor.media_type)? {
            OciDocument::Manifest(manifest) => self.add_manifest(descriptor, &manifest, within),
            OciDocument::Index(_) if within.depth == 0 => {
                Err(ReadError::TooLarge { what: name, limit: "3 indices within each other" })
            }
            OciDocument::Index(inner) => {
                let within = Within {
                    index: Some(descriptor.digest.clone()),
                    references: within.references.clone(),
                    depth: within.depth - 1,
                };
                let mut images = inner.iter().filter(|descriptor| !descriptor.is_attachment());
                images.try_for_each(|descriptor| self.descend(descriptor, &within))
            }
        }
    }

    fn add_manifest(
        &mut self,
        descriptor: &Descriptor,
        manifest: &Manifest,
        within: &Within,
    ) -> Result<(), ReadError> {
        let name = blob_name(&manifest.config.digest);
        let Some(bytes) = self.read_verified(&name, &manifest.config.digest)? else { return Ok(()) };
        if let Some(layer) = manifest.layers.iter().find(|layer| !layer.is_layer()) {
            return Err(ReadError::Unsupported(format!("{name}: a layer of type {:?}", layer.media_type)));
        }
        let config = parse_config(&name, &bytes)?;
        let layers = manifest.layers.iter().map(|layer| {
            let name = blob_name(&layer.digest);
            (Some(layer.digest.clone()), Some(layer.size), name)
        });
        let layers = paired(&name, &config, layers.collect())?;
        let from_index = descriptor.platform.as_ref().and_then(|platform| platform.parse());
        let identity = ImageIdentity {
            config: Some(manifest.config.digest.clone()),
            manifest: Some(descriptor.digest.clone()),
            index: within.index.clone(),
            platform: config.platform.or(from_index),
        };
        self.add(StoredImage { identity, layers, references: within.references.clone() })
    }

    /// Add an image of `manifest.json`, or only its names if the index had it already.
    fn add_saved(&mut self, saved: &SavedImage) -> Result<(), ReadError> {
        let name = clean_name(&saved.config);
        let absent = || ReadError::malformed("manifest.json", format!("there is no {}", shown(&name)));
        let bytes = self.read(&name)?.ok_or_else(absent)?;
        let digest = sha256(&bytes);
        if let Some(expected) = digest_in_name(&name)
            && expected != digest
        {
            return Err(ReadError::DigestMismatch { what: shown(&name), expected, found: digest });
        }
        let references = saved.repo_tags.clone().unwrap_or_default();
        let same = self.found.iter_mut().find(|image| image.identity.config.as_ref() == Some(&digest));
        if let Some(image) = same {
            image.references.extend(references);
            image.references.sort();
            image.references.dedup();
            return Ok(());
        }
        let config = parse_config(&name, &bytes)?;
        let names = saved.layers.iter().flatten().map(|layer| clean_name(layer));
        let layers = names.map(|name| (None, self.shelf.size_of(&name), name)).collect();
        let layers = paired("manifest.json", &config, layers)?;
        let identity =
            ImageIdentity { config: Some(digest), platform: config.platform, ..ImageIdentity::default() };
        self.add(StoredImage { identity, layers, references })
    }

    fn add(&mut self, image: StoredImage) -> Result<(), ReadError> {
        let left = self.layers.checked_sub(image.layers.len());
        self.layers = left.ok_or_else(|| over("65,536 layers of all its images"))?;
        self.found.push(image);
        Ok(())
    }

    fn read(&mut self, name: &str) -> Result<Option<Bytes>, ReadError> {
        let left = self.documents.checked_sub(1);
        self.documents = left.ok_or_else(|| over("2,048 indices, manifests and configs"))?;
        self.shelf.read_document(name)
    }

    fn read_verified(&mut self, name: &str, digest: &Digest) -> Result<Option<Bytes>, ReadError> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        verify(name, &bytes, digest)?;
        Ok(Some(bytes))
    }
}

fn over(limit: &'static str) -> ReadError {
    ReadError::TooLarge { what: "the archive".to_owned(), limit }
}

type Place = (Option<Digest>, Option<u64>, String);

/// Layers' places joined with the config's diff-ids.
fn paired(document: &str, config: &Config, places: Vec<Place>) -> Result<Vec<StoredLayer>, ReadError> {
    if places.len() > MAX_LAYERS {
        return Err(ReadError::TooLarge { what: document.to_owned(), limit: "512 layers" });
    }
    if places.len() != config.diff_ids.len() {
        let reason = format!("{} layers, but {} diff-ids", places.len(), config.diff_ids.len());
        return Err(ReadError::malformed(document, reason));
    }
    let pairs = config.diff_ids.iter().cloned().zip(places);
    Ok(pairs.map(|(diff_id, (digest, size, name))| StoredLayer { diff_id, digest, size, name }).collect())
}

/// Compare a document with the digest it is called by.
///
/// # Errors
/// It is another one.
pub fn verify(name: &str, bytes: &[u8], digest: &Digest) -> Result<(), ReadError> {
    let found = Digest::of(digest.algorithm(), bytes);
    if found == *digest {
        Ok(())
    } else {
        Err(ReadError::DigestMismatch { what: name.to_owned(), expected: digest.clone(), found })
    }
}

/// The SHA-256 of a document.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// The digest that a name promises: `<64 digits>.json`, `<64 digits>.tar`, `blobs/sha256/<64 digits>`.
pub fn digest_in_name(name: &str) -> Option<Digest> {
    let bare = match name.strip_prefix("blobs/sha256/") {
        Some(digits) => digits,
        None => name.strip_suffix(".json").or_else(|| name.strip_suffix(".tar"))?,
    };
    format!("sha256:{bare}").parse().ok()
}

/// An entry's name without `./`.
pub fn clean_name(name: &str) -> String {
    name.trim_start_matches("./").to_owned()
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}
