//! What the core says is in an image, to compare with what the package managers say.

use crate::lab::expected;
use anyhow::{Context, Result};
use api_client::Client;
use api_vocab::Digest;
use api_wire::image::{Image, ImageQuery};
use api_wire::package::{InstalledPackage, PackageQuery};
use futures_util::TryStreamExt;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The image that runs under `reference`.
///
/// # Errors
/// When none does.
pub async fn image_of(client: &Client, reference: &str) -> Result<Image> {
    let query = ImageQuery { reference: Some(reference.to_owned()), ..ImageQuery::default() };
    let images = client.images(&query).await?.items;
    images.into_iter().find(|image| image.pods > 0).with_context(|| format!("no running image {reference}"))
}

/// All packages of an image.
///
/// # Errors
/// When the core does not answer.
pub async fn packages_of(client: &Client, image: &Digest) -> Result<Vec<InstalledPackage>> {
    let packages = client.every_image_package(image, PackageQuery::default());
    Ok(packages.map_ok(|package| package.installed).try_collect().await?)
}

/// Those that `extractor` found.
pub fn by<'p>(
    packages: &'p [InstalledPackage],
    extractor: &'p str,
) -> impl Iterator<Item = &'p InstalledPackage> {
    packages.iter().filter(move |package| package.extractor == extractor)
}

/// Names, versions and architectures of the Debian packages found, as `dpkg-query` was asked to show
/// them.
pub fn dpkg_packages(packages: &[InstalledPackage]) -> BTreeSet<String> {
    let line = |p: &InstalledPackage| {
        let architecture = p.package.architecture.as_deref().unwrap_or("-");
        format!("{} {} {architecture}", p.package.name, p.package.version)
    };
    by(packages, "dpkg").map(line).collect()
}

/// Names and versions of the Node packages found.
pub fn node_packages(packages: &[InstalledPackage]) -> BTreeSet<String> {
    by(packages, "node").map(|p| format!("{} {}", p.package.name, p.package.version)).collect()
}

/// Names and versions of what npm says it installed in the `api` tree.
///
/// # Errors
/// When npm's list is not there.
pub fn npm_packages(trees: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    collect(&serde_json::from_str(&expected(trees, "api.npm.json")?)?, &mut found);
    Ok(found)
}

/// `npm ls --all --json`: dependencies within dependencies.
fn collect(node: &Value, found: &mut BTreeSet<String>) {
    let dependencies = node.get("dependencies").and_then(Value::as_object);
    for (name, child) in dependencies.into_iter().flatten() {
        if let Some(version) = child.get("version").and_then(Value::as_str) {
            found.insert(format!("{name} {version}"));
        }
        collect(child, found);
    }
}
