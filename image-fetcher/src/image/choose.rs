//! The choice among images: by digest, by reference, by platform.

use super::StoredImage;
use crate::error::ReadError;
use api_vocab::{Digest, ImageRef, Platform};
use api_wire::fetcher::ResolveRequest;
use std::collections::BTreeSet;

/// The one image that is meant. A request without digests and references means the only one.
///
/// # Errors
/// None fits, or several do.
pub fn choose(images: Vec<StoredImage>, request: &ResolveRequest) -> Result<StoredImage, ReadError> {
    if images.is_empty() {
        return Err(ReadError::NotFound("an image".to_owned()));
    }
    let all = names(&images);
    let meant = narrow(images, request);
    if meant.is_empty() {
        return Err(ReadError::NotFound(format!("the image that was asked for (here: {all})")));
    }
    let meant = each_content_once(meant);
    let platform = request.platform.as_ref();
    let mut fitting = of_platform(meant, platform, request.runs_on.as_ref());
    match (fitting.pop(), fitting.is_empty()) {
        (Some(image), true) => Ok(image),
        (Some(_), false) => Err(ReadError::Undecided(format!("several fit: {all}"))),
        (None, _) => Err(ReadError::NotFound(format!("an image for {}", wished(platform)))),
    }
}

/// The same config under several manifests (other compression, other index) is the same content.
fn each_content_once(images: Vec<StoredImage>) -> Vec<StoredImage> {
    let mut seen = BTreeSet::new();
    let mut is_new = |image: &StoredImage| match &image.identity.config {
        Some(config) => seen.insert(config.clone()),
        None => true,
    };
    images.into_iter().filter(|image| is_new(image)).collect()
}

/// Digests are tried first, then references.
fn narrow(images: Vec<StoredImage>, request: &ResolveRequest) -> Vec<StoredImage> {
    if request.digests.is_empty() && request.references.is_empty() {
        return images;
    }
    let by_digest = |image: &StoredImage| digests_of(image).any(|digest| request.digests.contains(digest));
    let (named, rest): (Vec<_>, Vec<_>) = images.into_iter().partition(by_digest);
    // A tag may have moved: where digests are known, a name alone proves nothing.
    if !named.is_empty() || !request.digests.is_empty() {
        return named;
    }
    let wanted: Vec<ImageRef> = request.references.iter().filter_map(|text| text.parse().ok()).collect();
    rest.into_iter().filter(|image| wanted.iter().any(|wanted| is_called(image, wanted))).collect()
}

fn digests_of(image: &StoredImage) -> impl Iterator<Item = &Digest> {
    let identity = &image.identity;
    identity.config.iter().chain(&identity.manifest).chain(&identity.index)
}

fn is_called(image: &StoredImage, wanted: &ImageRef) -> bool {
    if let Some(digest) = wanted.digest() {
        return digests_of(image).any(|known| known == digest);
    }
    let names = image.references.iter();
    names.filter_map(|name| name.parse::<ImageRef>().ok()).any(|name| name == *wanted)
}

/// Those for the platform; without a wish those for the nodes that run it, or for this machine, else
/// all.
fn of_platform(
    images: Vec<StoredImage>,
    wish: Option<&Platform>,
    runs_on: Option<&Platform>,
) -> Vec<StoredImage> {
    let fits = |image: &StoredImage, wish: &Platform| {
        image.identity.platform.as_ref().is_some_and(|platform| is_same(platform, wish))
    };
    if let Some(wish) = wish {
        let unknown = |image: &StoredImage| image.identity.platform.is_none();
        return images.into_iter().filter(|image| fits(image, wish) || unknown(image)).collect();
    }
    let usual = runs_on.cloned().or_else(own_platform);
    let Some(usual) = usual.filter(|_| images.len() > 1) else { return images };
    let (fitting, rest): (Vec<_>, Vec<_>) = images.into_iter().partition(|image| fits(image, &usual));
    if fitting.is_empty() { rest } else { fitting }
}

/// Variants differ only where both name one.
pub(super) fn is_same(one: &Platform, other: &Platform) -> bool {
    let variants = one.variant().zip(other.variant());
    one.os() == other.os()
        && one.architecture() == other.architecture()
        && variants.is_none_or(|(one, other)| one == other)
}

pub(super) fn own_platform() -> Option<Platform> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}").parse().ok()
}

pub(super) fn wished(platform: Option<&Platform>) -> String {
    platform.map_or_else(|| "this machine".to_owned(), ToString::to_string)
}

/// What there is, for a message.
fn names(images: &[StoredImage]) -> String {
    let name = |image: &StoredImage| {
        let name = image.references.first().cloned();
        let name = name.or_else(|| digests_of(image).next().map(ToString::to_string)).unwrap_or_default();
        let platform = image.identity.platform.as_ref();
        platform.map_or(name.clone(), |platform| format!("{name} for {platform}"))
    };
    images.iter().take(10).map(name).collect::<Vec<_>>().join(", ")
}
