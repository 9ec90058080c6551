//! The images of one namespace: what its names stand for, read once for each digest.

use super::client::Namespace;
use super::messages::Image;
use crate::error::ReadError;
use crate::image::documents::Descriptor;
use crate::image::find::find_below;
use crate::image::{MAX_DOCUMENT, Shelf, StoredImage, digest_of_blob};
use api_vocab::Digest;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;

/// Names that are looked at in one namespace.
const MAX_NAMES: usize = 20_000;

/// What was found below each digest that a name stands for.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    known: Mutex<HashMap<Digest, Vec<StoredImage>>>,
}

/// What a namespace has.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Images that can be read, with their names.
    pub(super) images: Vec<StoredImage>,
    /// Those that cannot: digest, names, why not.
    pub(super) refused: Vec<(Digest, Vec<String>, ReadError)>,
}

/// What names stand for: a descriptor and its names.
type Targets = BTreeMap<Digest, (Descriptor, Vec<String>)>;

impl Catalogue {
    /// All images of `namespace`. Call from a thread that may block.
    ///
    /// # Errors
    /// containerd does not answer.
    pub(super) fn list(&self, namespace: &Namespace, runtime: &Handle) -> Result<Listing, ReadError> {
        let targets = targets(runtime.block_on(namespace.images())?);
        self.forget_others(&targets);
        let shelf = ContentShelf { namespace, runtime };
        let mut listing = Listing::default();
        for (digest, (descriptor, names)) in targets {
            match self.below(&shelf, &descriptor) {
                Ok(images) => listing.images.extend(images.into_iter().map(|image| called(image, &names))),
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => listing.refused.push((digest, names, error)),
            }
        }
        Ok(listing)
    }

    fn forget_others(&self, targets: &Targets) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|digest, _| targets.contains_key(digest));
    }

    /// A digest's content never changes. What is pulled of an index later, for another platform,
    /// is found once the name is gone and comes again: nodes pull for one platform.
    fn below(&self, shelf: &dyn Shelf, target: &Descriptor) -> Result<Vec<StoredImage>, ReadError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&target.digest).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = find_below(shelf, target)?;
        if !found.is_empty() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(target.digest.clone(), found.clone());
        }
        Ok(found)
    }
}

fn called(mut image: StoredImage, names: &[String]) -> StoredImage {
    image.references = names.to_vec();
    image
}

/// Names by what they stand for. The names that Kubernetes gives to configs are no references.
fn targets(images: Vec<Image>) -> Targets {
    let mut targets = Targets::new();
    for image in images.into_iter().take(MAX_NAMES) {
        let Some(descriptor) = image.target.and_then(parse) else { continue };
        if descriptor.is_attachment() {
            continue;
        }
        let entry = targets.entry(descriptor.digest.clone()).or_insert((descriptor, Vec::new()));
        if !image.name.starts_with("sha256:") {
            entry.1.push(image.name);
        }
    }
    targets
}

fn parse(raw: super::messages::Descriptor) -> Option<Descriptor> {
    Some(Descriptor {
        media_type: raw.media_type,
        digest: raw.digest.parse().ok()?,
        size: u64::try_from(raw.size).ok()?,
        platform: None,
        annotations: None,
    })
}

/// Documents in the content store.
struct ContentShelf<'a> {
    namespace: &'a Namespace,
    runtime: &'a Handle,
}

impl Shelf for ContentShelf<'_> {
    fn read_document(&self, name: &str) -> Result<Option<Bytes>, ReadError> {
        let Some(digest) = digest_of_blob(name) else { return Ok(None) };
        match self.runtime.block_on(read_document(self.namespace, &digest)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn size_of(&self, name: &str) -> Option<u64> {
        let digest = digest_of_blob(name)?;
        self.runtime.block_on(self.namespace.size_of(&digest)).ok().flatten()
    }
}

async fn read_document(namespace: &Namespace, digest: &Digest) -> Result<Bytes, ReadError> {
    let what = format!("document {digest}");
    let mut parts = namespace.read(digest).await?;
    let mut bytes = BytesMut::new();
    let interrupted =
        |error: std::io::Error| ReadError::Interrupted { what: what.clone(), reason: error.to_string() };
    while let Some(part) = parts.try_next().await.map_err(interrupted)? {
        bytes.extend_from_slice(&part);
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_DOCUMENT) {
            return Err(ReadError::TooLarge { what, limit: "4 MiB" });
        }
    }
    Ok(bytes.freeze())
}
