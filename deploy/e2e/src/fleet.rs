//! Many images of a size that takes a moment to read, and what the core told of them.

use crate::cluster::Cluster;
use crate::images::Archive;
use crate::registry::Registry;
use crate::until::PATIENCE;
use anyhow::{Context, Result, ensure};
use api_client::Client;
use api_vocab::Digest;
use api_wire::event::{Change, Event};
use api_wire::image::Image;
use futures_util::TryStreamExt;
use std::path::Path;
use tokio::time::timeout;

/// Everything that the core has told of until now: `cluster` is given one more pod, to know the end by.
///
/// # Errors
/// When the core does not answer, or never hears of that pod.
pub async fn events(client: &Client, cluster: &Cluster) -> Result<Vec<Event>> {
    const LAST: &str = "last";
    let image =
        "registry.example/last@sha256:0000000000000000000000000000000000000000000000000000000000000000";
    cluster.pretend_pod("default", LAST, image, image).await?;
    let mut told = Vec::new();
    let mut events = std::pin::pin!(client.events(Some(0)));
    loop {
        let event = timeout(PATIENCE, events.try_next()).await.context("the last event does not come")?;
        let event = event?.context("the stream of events has ended")?;
        match &event.change {
            Change::PodPresent { pod, .. } if pod.ends_with(LAST) => return Ok(told),
            _ => told.push(event),
        }
    }
}

/// How often an image came to that state.
pub fn times(events: &[Event], digest: &Digest, wanted: &str) -> usize {
    let fits = |event: &&Event| matches!(&event.change, Change::ImageState { image, state, .. } if image == digest && state == wanted);
    events.iter().filter(fits).count()
}

/// Complain unless each of these was scanned once, by whichever of its names it became known.
///
/// # Errors
/// When one was not.
pub fn each_was_scanned_once(told: &[Event], images: &[Image]) -> Result<()> {
    for image in images {
        let names = std::iter::once(&image.digest).chain(&image.aliases);
        let scans: usize = names.map(|name| times(told, name, "scanned")).sum();
        ensure!(scans == 1, "image {} was scanned {scans} times", image.digest);
    }
    Ok(())
}

/// An image of Node packages: `count` of them, which no image of another `name` has.
///
/// # Errors
/// When it cannot be written.
pub fn packages_image(name: &str, count: usize, folder: &Path) -> Result<Archive> {
    let tree = tempfile::tempdir_in(folder)?;
    let modules = tree.path().join("srv/node_modules");
    for number in 0..count {
        let package = format!("{name}-{number}");
        std::fs::create_dir_all(modules.join(&package))?;
        let text = format!("{{\"name\":\"{package}\",\"version\":\"1.0.{number}\"}}");
        std::fs::write(modules.join(&package).join("package.json"), text)?;
    }
    Archive::make(&format!("fleet/{name}:1"), &[tree.path()], folder)
}

/// Push an image, and say how a kubelet would name it.
///
/// # Errors
/// When the registry does not take it.
pub fn push(registry: &Registry, archive: &Archive, name: &str, format: &str) -> Result<(String, Digest)> {
    let manifest = registry.push(archive, name, &[format])?;
    let repository = name.split_once(':').map_or(name, |(repository, _)| repository);
    Ok((format!("{}/{repository}@{manifest}", registry.host()), manifest.parse()?))
}
