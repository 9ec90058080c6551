//! Finding an image in a registry: by the digests that run, else by the tag that was named; from
//! an index the entry for the platform.

use super::error::RegistryError;
use super::open::OpenRegistryImage;
use super::place::Reference;
use super::session::{Session, Wanted};
use super::web::innermost;
use crate::error::ReadError;
use crate::image::documents::{Descriptor, OciDocument, parse_oci};
use crate::image::find::{find_below, sha256, verify};
use crate::image::pick::pick;
use crate::image::{MAX_DOCUMENT, Shelf, StoredImage, blob_name};
use crate::tarball::write::Document;
use api_vocab::{Digest, ImageRef};
use api_wire::fetcher::ResolveRequest;
use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Repositories times digests that are tried for one image.
const MAX_TARGETS: usize = 16;
const MAX_DEPTH: usize = 3;
/// For one manifest or config.
const PATIENCE: Duration = Duration::from_secs(60);
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// One name to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) image: ImageRef,
    /// Absent: by tag.
    pub(super) digest: Option<Digest>,
}

/// The names to try, surest first. A tag may have moved: it counts only where no digest is known.
pub(super) fn targets(request: &ResolveRequest) -> Vec<Target> {
    let images: Vec<ImageRef> = request.references.iter().filter_map(|text| text.parse().ok()).collect();
    let pinned = images.iter().filter_map(|image| Some((image, image.digest()?)));
    let known = images.iter().flat_map(|image| request.digests.iter().map(move |digest| (image, digest)));
    let mut targets: Vec<Target> = Vec::new();
    for (image, digest) in pinned.chain(known) {
        let digest = Some(digest.clone());
        let same = |target: &Target| target.image.name() == image.name() && target.digest == digest;
        if targets.len() < MAX_TARGETS && !targets.iter().any(same) {
            targets.push(Target { image: image.clone(), digest });
        }
    }
    if targets.is_empty() && request.digests.is_empty() {
        let tagged = images.into_iter().map(|image| Target { image, digest: None });
        targets.extend(tagged.take(MAX_TARGETS));
    }
    targets
}

/// What an image is made of, as a registry has it.
pub(super) async fn resolve(
    session: Arc<Session>,
    target: &Target,
    request: &ResolveRequest,
    layer_limit: Duration,
) -> Result<OpenRegistryImage, ReadError> {
    let mut shelf = Fetched::default();
    let root = read_root(&session, target, &mut shelf).await?;
    let mut manifest = root.clone();
    for depth in 0.. {
        let name = blob_name(&manifest.digest);
        let bytes = shelf.bytes(&manifest.digest)?;
        match parse_oci(&name, &bytes, &manifest.media_type)? {
            OciDocument::Manifest(parsed) => {
                read_blob(&session, &parsed.config, &mut shelf).await?;
                let image = found(&shelf, &root, target, request)?;
                let config = document(&shelf, &parsed.config)?;
                let manifest = document(&shelf, &manifest)?;
                return Ok(OpenRegistryImage::new(session, image, manifest, config, layer_limit));
            }
            OciDocument::Index(_) if depth >= MAX_DEPTH => {
                return Err(ReadError::TooLarge { what: name, limit: "3 indices within each other" });
            }
            OciDocument::Index(entries) => {
                let entry =
                    pick(&entries, &request.digests, request.platform.as_ref(), request.runs_on.as_ref())?
                        .clone();
                read_manifest(&session, &entry, &mut shelf).await?;
                manifest = entry;
            }
        }
    }
    Err(ReadError::Bug("an index without end".to_owned()))
}

/// The image on the shelf, if it is the one that was asked for.
fn found(
    shelf: &Fetched,
    root: &Descriptor,
    target: &Target,
    request: &ResolveRequest,
) -> Result<StoredImage, ReadError> {
    let missing = || ReadError::NotFound(target.image.to_string());
    let mut image = find_below(shelf, root)?.into_iter().next().ok_or_else(missing)?;
    let identity = image.identity.clone();
    let mut digests =
        [&identity.config, &identity.manifest, &identity.index, &target.digest].into_iter().flatten();
    if !request.digests.is_empty() && !digests.any(|digest| request.digests.contains(digest)) {
        return Err(missing());
    }
    if target.digest.is_none() {
        image.references = vec![target.image.to_string()];
    }
    Ok(image)
}

fn document(shelf: &Fetched, descriptor: &Descriptor) -> Result<Document, ReadError> {
    let bytes = shelf.bytes(&descriptor.digest)?;
    Ok(Document { media_type: descriptor.media_type.clone(), digest: descriptor.digest.clone(), bytes })
}

/// What the name itself leads to: its digest, and what kind the registry says it is.
async fn read_root(session: &Session, target: &Target, shelf: &mut Fetched) -> Result<Descriptor, ReadError> {
    let reference = match &target.digest {
        Some(digest) => Reference::Digest(digest),
        None => Reference::Tag(target.image.tag().unwrap_or("latest")),
    };
    let wanted = Wanted {
        url: session.place.manifest(&reference),
        accept: MANIFESTS,
        from: 0,
        name: shown(session, target),
    };
    let (media_type, bytes) = read(session, &wanted).await?;
    let digest = target.digest.clone().unwrap_or_else(|| sha256(&bytes));
    verify(&wanted.name, &bytes, &digest)?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    shelf.keep(&digest, bytes);
    Ok(Descriptor { media_type, digest, size, platform: None, annotations: None })
}

async fn read_manifest(session: &Session, entry: &Descriptor, shelf: &mut Fetched) -> Result<(), ReadError> {
    let url = session.place.manifest(&Reference::Digest(&entry.digest));
    let name = format!("manifest {}", entry.digest.short());
    read_named(session, entry, Wanted { url, accept: MANIFESTS, from: 0, name }, shelf).await
}

async fn read_blob(session: &Session, entry: &Descriptor, shelf: &mut Fetched) -> Result<(), ReadError> {
    let url = session.place.blob(&entry.digest);
    let name = format!("config {}", entry.digest.short());
    read_named(session, entry, Wanted { url, accept: "*/*", from: 0, name }, shelf).await
}

async fn read_named(
    session: &Session,
    entry: &Descriptor,
    wanted: Wanted,
    shelf: &mut Fetched,
) -> Result<(), ReadError> {
    if entry.size > MAX_DOCUMENT {
        return Err(ReadError::TooLarge { what: wanted.name, limit: "4 MiB" });
    }
    let (_, bytes) = read(session, &wanted).await?;
    verify(&wanted.name, &bytes, &entry.digest)?;
    shelf.keep(&entry.digest, bytes);
    Ok(())
}

/// A whole document, and the media type that goes with it.
async fn read(session: &Session, wanted: &Wanted) -> Result<(String, Bytes), ReadError> {
    let answer = async {
        let answer = session.get(wanted).await?;
        let media_type = media_type_of(&answer);
        Ok((media_type, collect(session, wanted, answer).await?))
    };
    let slow = |_| RegistryError::Unreachable {
        host: session.place.host.clone(),
        reason: format!("{} took longer than 60 s", wanted.name),
    };
    tokio::time::timeout(PATIENCE, answer).await.map_err(slow)?
}

async fn collect(session: &Session, wanted: &Wanted, mut answer: Response) -> Result<Bytes, ReadError> {
    let too_large = || ReadError::TooLarge { what: wanted.name.clone(), limit: "4 MiB" };
    if answer.content_length().is_some_and(|length| length > MAX_DOCUMENT) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    loop {
        let chunk = answer.chunk().await.map_err(|error| RegistryError::Unreachable {
            host: session.place.host.clone(),
            reason: innermost(&error),
        })?;
        let Some(chunk) = chunk else { return Ok(bytes.freeze()) };
        bytes.extend_from_slice(&chunk);
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_DOCUMENT) {
            return Err(too_large());
        }
    }
}

/// Registries that say nothing of use leave it to the document.
fn media_type_of(answer: &Response) -> String {
    let header = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bare = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_manifest = MANIFESTS.split(", ").any(|known| known == bare);
    if is_manifest { bare } else { String::new() }
}

fn shown(session: &Session, target: &Target) -> String {
    match &target.digest {
        Some(digest) => format!("{}@{}", session.place.image.repository(), digest.short()),
        None => format!("{}:{}", session.place.image.repository(), target.image.tag().unwrap_or("latest")),
    }
}

/// The documents that were fetched.
#[derive(Default)]
struct Fetched(HashMap<String, Bytes>);

impl Fetched {
    fn keep(&mut self, digest: &Digest, bytes: Bytes) {
        self.0.insert(blob_name(digest), bytes);
    }

    fn bytes(&self, digest: &Digest) -> Result<Bytes, ReadError> {
        let found = self.0.get(&blob_name(digest)).cloned();
        found.ok_or_else(|| ReadError::Bug(format!("{digest} was not fetched")))
    }
}

impl Shelf for Fetched {
    fn read_document(&self, name: &str) -> Result<Option<Bytes>, ReadError> {
        Ok(self.0.get(name).cloned())
    }

    fn size_of(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(|bytes| u64::try_from(bytes.len()).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tried_with_digests_and_tags_only_without() {
        let digest = |n| Digest::sha256([n; 32]);
        let request = |references: &[&str], digests: &[Digest]| ResolveRequest {
            references: references.iter().map(|text| (*text).to_owned()).collect(),
            digests: digests.to_vec(),
            ..ResolveRequest::default()
        };
        let shown = |request: &ResolveRequest| -> Vec<String> {
            let shown = |target: Target| match target.digest {
                Some(digest) => format!("{}@{}", target.image.name(), digest.as_bytes()[0]),
                None => target.image.to_string(),
            };
            targets(request).into_iter().map(shown).collect()
        };
        let pinned = format!("r.example/a:1@{}", digest(1));
        for (references, digests, expected) in [
            (vec!["r.example/a:1"], vec![], vec!["r.example/a:1"]),
            (vec!["r.example/a:1"], vec![digest(2)], vec!["r.example/a@2"]),
            (vec![&*pinned], vec![], vec!["r.example/a@1"]),
            (vec![&*pinned, "r.example/a:2"], vec![], vec!["r.example/a@1"]),
            (
                vec!["r.example/b", &*pinned],
                vec![digest(2)],
                vec!["r.example/a@1", "r.example/b@2", "r.example/a@2"],
            ),
            (vec!["r.example/a:1", "r.example/a:2"], vec![digest(2)], vec!["r.example/a@2"]),
            (vec!["NOT A NAME"], vec![digest(2)], vec![]),
            (vec![], vec![digest(2)], vec![]),
        ] {
            assert_eq!(shown(&request(&references, &digests)), expected, "{references:?}");
        }
        let many: Vec<Digest> = (0..100).map(digest).collect();
        assert_eq!(targets(&request(&["r.example/a"], &many)).len(), MAX_TARGETS);
    }
}
