//! Finding an image in an engine: by its digests, by pinned references, at last by its tag.

use super::connect::{Connection, Engine, is_not_found};
use super::open::{Export, OpenDockerImage, read_documents};
use crate::error::ReadError;
use crate::image::choose::choose;
use crate::image::find::find_images;
use crate::image::{MAX_LAYERS, StoredImage, StoredLayer};
use crate::stores::OpenImage;
use api_vocab::{Digest, ImageRef, Platform, ReportedImage};
use api_wire::fetcher::ResolveRequest;
use api_wire::lease::ImageIdentity;
use bollard::models::ImageInspect;
use std::sync::Arc;

/// Names that are tried for one image.
const MAX_NAMES: usize = 64;

pub(super) async fn resolve(
    engine: &Arc<Engine>,
    request: &ResolveRequest,
) -> Result<Arc<dyn OpenImage>, ReadError> {
    let connection = engine.connection().await?;
    let inspected = inspect_any(engine, &connection, request).await?;
    let id = inspected.id.clone().unwrap_or_default();
    let id: ReportedImage =
        id.parse().map_err(|error| ReadError::malformed("the engine's image id", error))?;
    let export = Export { engine: Arc::clone(engine), connection, id: id.digest.clone() };
    if export.connection.has_containerd_store {
        return resolve_by_export(export, &inspected, request).await;
    }
    let image = image_of(id.digest, &inspected)?;
    Ok(Arc::new(OpenDockerImage::new(export, image, None)))
}

/// Where the engine does not say how layers are stored, its export does.
async fn resolve_by_export(
    export: Export,
    inspected: &ImageInspect,
    request: &ResolveRequest,
) -> Result<Arc<dyn OpenImage>, ReadError> {
    let documents = read_documents(&export).await?;
    let (platform, runs_on) = (request.platform.clone(), request.runs_on.clone());
    let only_platform = ResolveRequest { platform, runs_on, ..ResolveRequest::default() };
    let mut image = choose(find_images(&documents)?, &only_platform)?;
    image.references = inspected.repo_tags.clone().unwrap_or_default();
    if image.identity.manifest.as_ref() != Some(&export.id) {
        image.identity.index.get_or_insert_with(|| export.id.clone());
    }
    Ok(Arc::new(OpenDockerImage::new(export, image, Some(documents))))
}

async fn inspect_any(
    engine: &Engine,
    connection: &Connection,
    request: &ResolveRequest,
) -> Result<ImageInspect, ReadError> {
    for name in names(request) {
        match connection.docker.inspect_image(&name).await {
            Ok(inspected) if is_meant(&inspected, request) => return Ok(inspected),
            Ok(_) => {}
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Err(engine.failed("inspect an image", error)),
        }
    }
    let first = request.digests.first().map(ToString::to_string).or(request.references.first().cloned());
    Err(ReadError::NotFound(first.unwrap_or_else(|| "an image without a name".to_owned())))
}

/// Everything the image may be called in the engine, surest first.
fn names(request: &ResolveRequest) -> Vec<String> {
    let references: Vec<ImageRef> = request.references.iter().filter_map(|text| text.parse().ok()).collect();
    let mut names: Vec<String> = request.digests.iter().map(ToString::to_string).collect();
    for reference in &references {
        let pinned = request.digests.iter().chain(reference.digest());
        names.extend(pinned.map(|digest| format!("{}@{digest}", reference.name())));
    }
    for reference in references.iter().filter(|reference| reference.digest().is_none()) {
        let tag = reference.tag().unwrap_or("latest");
        names.push(format!("{}:{tag}", reference.name()));
    }
    // An id, or a prefix of one, as people type it.
    let ids = request.references.iter().filter(|text| is_id(text));
    names.extend(ids.cloned());
    names.truncate(MAX_NAMES);
    names
}

fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    (12..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A tag may have moved: where digests are known, the image has one of them.
fn is_meant(inspected: &ImageInspect, request: &ResolveRequest) -> bool {
    let names = inspected.id.iter().chain(inspected.repo_digests.iter().flatten());
    let mut digests = names.filter_map(|name| name.parse::<ReportedImage>().ok()).map(|image| image.digest);
    request.digests.is_empty() || digests.any(|digest| request.digests.contains(&digest))
}

/// The image as its inspection shows it, in the engine's classic store.
fn image_of(id: Digest, inspected: &ImageInspect) -> Result<StoredImage, ReadError> {
    let malformed = |reason: String| ReadError::malformed("the engine's answer", reason);
    let diff_ids = inspected.root_fs.as_ref().and_then(|root| root.layers.as_deref()).unwrap_or_default();
    if diff_ids.len() > MAX_LAYERS {
        return Err(ReadError::TooLarge { what: id.to_string(), limit: "512 layers" });
    }
    let layer = |text: &String| {
        let diff_id: Digest = text.parse().map_err(|error| malformed(format!("{error}")))?;
        Ok(StoredLayer { diff_id, digest: None, size: None, name: String::new() })
    };
    let layers = diff_ids.iter().map(layer).collect::<Result<_, ReadError>>()?;
    // Repository digests may be those of a manifest or of an index: which, nobody says.
    let identity =
        ImageIdentity { config: Some(id), platform: platform_of(inspected), ..ImageIdentity::default() };
    Ok(StoredImage { identity, layers, references: inspected.repo_tags.clone().unwrap_or_default() })
}

fn platform_of(inspected: &ImageInspect) -> Option<Platform> {
    let (os, architecture) = (inspected.os.as_ref()?, inspected.architecture.as_ref()?);
    let variant = inspected.variant.as_ref().filter(|variant| !variant.is_empty());
    let suffix = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{os}/{architecture}{suffix}").parse().ok()
}
