//! Fleets: scanners that come and go while there is work, and several clusters in one core. The pods
//! are of real API servers; no node runs them.

mod clusters;
mod scaling;

use anyhow::{Context, Result};
use api_vocab::Digest;
use api_wire::event::{Change, Event};
use e2e::cluster::Cluster;
use e2e::images::Archive;
use e2e::mesh::Mesh;
use e2e::parts;
use e2e::registry::Registry;
use futures_util::TryStreamExt;
use std::path::Path;

fn can_run(test: &str) -> bool {
    let cluster = ["kube-apiserver", "etcd", "kube-controller-manager", "kubectl", "helm", "openssl"];
    parts::has(test, &[&cluster[..], parts::REGISTRY].concat())
}

/// Everything that the core has told of until now: `cluster` is given one more pod, to know the end by.
async fn events(mesh: &Mesh, cluster: &Cluster) -> Result<Vec<Event>> {
    const LAST: &str = "last";
    let image =
        "registry.example/last@sha256:0000000000000000000000000000000000000000000000000000000000000000";
    cluster.pretend_pod("default", LAST, image, image).await?;
    let mut told = Vec::new();
    let mut events = std::pin::pin!(mesh.client("reader")?.events(Some(0)));
    loop {
        let event = events.try_next().await?.context("the stream of events has ended")?;
        match &event.change {
            Change::PodPresent { pod, .. } if pod.ends_with(LAST) => return Ok(told),
            _ => told.push(event),
        }
    }
}

/// How often an image came to that state.
fn times(events: &[Event], digest: &Digest, wanted: &str) -> usize {
    let fits = |event: &&Event| matches!(&event.change, Change::ImageState { image, state, .. } if image == digest && state == wanted);
    events.iter().filter(fits).count()
}

/// An image of Node packages, of a size that takes a moment to read: `count` of them, which no image of
/// another `name` has.
fn packages_image(name: &str, count: usize, folder: &Path) -> Result<Archive> {
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
fn push(registry: &Registry, archive: &Archive, name: &str, format: &str) -> Result<(String, Digest)> {
    let manifest = registry.push(archive, name, &[format])?;
    let repository = name.split_once(':').map_or(name, |(repository, _)| repository);
    Ok((format!("{}/{repository}@{manifest}", registry.host()), manifest.parse()?))
}
