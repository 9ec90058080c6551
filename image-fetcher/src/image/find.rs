//! Finding the images on a shelf: by `index.json`, by `manifest.json`, or both.

use super::documents::{Config, Descriptor, Manifest, OciDocument, SavedImage};
use super::documents::{parse_config, parse_oci, parse_saved};
use super::{MAX_LAYERS, Shelf, StoredImage, StoredLayer, blob_name};
use crate::error::ReadError;
use api_vocab::{Algorithm, Digest};
use api_wire::lease::ImageIdentity;
use bytes::Bytes;

/// An index within an index within an index is deep enough.
const MAX_DEPTH: usize = 3;
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
    let mut found = match index {
        Some(bytes) => find_by_index(shelf, &bytes)?,
        None => Vec::new(),
    };
    for saved in saved.map(|bytes| parse_saved("manifest.json", &bytes)).transpose()?.unwrap_or_default() {
        add_saved(shelf, &saved, &mut found)?;
    }
    Ok(found)
}

/// The images below one descriptor, of which the shelf may hold only some.
///
/// # Errors
/// As [`find_images`].
pub fn find_below(shelf: &dyn Shelf, descriptor: &Descriptor) -> Result<Vec<StoredImage>, ReadError> {
    let within = Within { index: None, references: names_of(descriptor), depth: MAX_DEPTH };
    let mut found = Vec::new();
    descend(shelf, descriptor, &within, &mut found)?;
    Ok(found)
}

fn find_by_index(shelf: &dyn Shelf, bytes: &[u8]) -> Result<Vec<StoredImage>, ReadError> {
    let OciDocument::Index(descriptors) = parse_oci("index.json", bytes, "")? else {
        return Err(ReadError::malformed("index.json", "not an index"));
    };
    let mut found = Vec::new();
    for descriptor in descriptors.iter().filter(|descriptor| !descriptor.is_attachment()) {
        found.extend(find_below(shelf, descriptor)?);
    }
    Ok(found)
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

fn descend(
    shelf: &dyn Shelf,
    descriptor: &Descriptor,
    within: &Within,
    found: &mut Vec<StoredImage>,
) -> Result<(), ReadError> {
    let name = blob_name(&descriptor.digest);
    // Archives of one platform keep the index that names all of them.
    let Some(bytes) = read_verified(shelf, &name, &descriptor.digest)? else { return Ok(()) };
    match parse_oci(&name, &bytes, &descriptor.media_type)? {
        OciDocument::Manifest(manifest) => {
            found.extend(image_of(shelf, descriptor, &manifest, within)?);
            Ok(())
        }
        OciDocument::Index(_) if within.depth == 0 => {
            Err(ReadError::TooLarge { what: name, limit: "3 indices within each other" })
        }
        OciDocument::Index(inner) => {
            let within = Within {
                index: Some(descriptor.digest.clone()),
                references: within.references.clone(),
                depth: within.depth - 1,
            };
            inner
                .iter()
                .filter(|descriptor| !descriptor.is_attachment())
                .try_for_each(|descriptor| descend(shelf, descriptor, &within, found))
        }
    }
}

fn image_of(
    shelf: &dyn Shelf,
    descriptor: &Descriptor,
    manifest: &Manifest,
    within: &Within,
) -> Result<Option<StoredImage>, ReadError> {
    let name = blob_name(&manifest.config.digest);
    let Some(bytes) = read_verified(shelf, &name, &manifest.config.digest)? else { return Ok(None) };
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
    Ok(Some(StoredImage {
        identity: ImageIdentity {
            config: Some(manifest.config.digest.clone()),
            manifest: Some(descriptor.digest.clone()),
            index: within.index.clone(),
            platform: config.platform.or(from_index),
        },
        layers,
        references: within.references.clone(),
    }))
}

/// Add an image of `manifest.json`, or only its names if the index had it already.
fn add_saved(shelf: &dyn Shelf, saved: &SavedImage, found: &mut Vec<StoredImage>) -> Result<(), ReadError> {
    let name = clean_name(&saved.config);
    let bytes = shelf
        .read_document(&name)?
        .ok_or_else(|| ReadError::malformed("manifest.json", format!("there is no {}", shown(&name))))?;
    let digest = sha256(&bytes);
    if let Some(expected) = digest_in_name(&name)
        && expected != digest
    {
        return Err(ReadError::DigestMismatch { what: shown(&name), expected, found: digest });
    }
    let references = saved.repo_tags.clone().unwrap_or_default();
    let same = found.iter_mut().find(|image| image.identity.config.as_ref() == Some(&digest));
    if let Some(image) = same {
        image.references.extend(references);
        image.references.sort();
        image.references.dedup();
        return Ok(());
    }
    let config = parse_config(&name, &bytes)?;
    let names = saved.layers.iter().flatten().map(|layer| clean_name(layer));
    let layers = names.map(|name| (None, shelf.size_of(&name), name)).collect();
    let layers = paired("manifest.json", &config, layers)?;
    let identity =
        ImageIdentity { config: Some(digest), platform: config.platform, ..ImageIdentity::default() };
    found.push(StoredImage { identity, layers, references });
    Ok(())
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

fn read_verified(shelf: &dyn Shelf, name: &str, digest: &Digest) -> Result<Option<Bytes>, ReadError> {
    let Some(bytes) = shelf.read_document(name)? else { return Ok(None) };
    verify(name, &bytes, digest)?;
    Ok(Some(bytes))
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
