//! The main job on a real Podman, through its Docker API: perceived, fetched, scanned, followed.

use anyhow::{Context, Result};
use api_client::Client;
use api_wire::pod::{Pod, PodQuery};
use e2e::inventory::{image_of, node_packages, npm_packages, packages_of};
use e2e::mesh::Mesh;
use e2e::parts;
use e2e::podman::Podman;
use e2e::until::until;
use std::collections::BTreeSet;

const PARTS: &[&str] = &["podman", "runc", "conmon", "debootstrap", "rpm", "npm", "pip3"];
const IMAGE: &str = "localhost/shop/api:1";

#[tokio::test(flavor = "multi_thread")]
async fn podman_containers_are_perceived_scanned_and_followed_past_a_killed_service() -> Result<()> {
    if !parts::has("podman_containers_are_perceived_scanned_and_followed_past_a_killed_service", PARTS) {
        return Ok(());
    }
    let trees = parts::trees()?;
    // A short path: a socket's has at most 107 bytes.
    let folder = tempfile::Builder::new().prefix("lab").tempdir_in("/tmp")?;
    let mut podman = Podman::start(&folder.path().join("podman")).await?;
    podman.import(&trees.join("api"), IMAGE)?;
    podman.run_idle("api", IMAGE)?;
    let mut mesh = Mesh::new(&folder.path().join("mesh"), &podman.host())?;
    mesh.start(1).await?;
    let client = mesh.client("reader")?;

    assert_eq!(mesh.settled(1).await?.len(), 1);
    let api = pod_of(&client, "container/api").await?;
    assert_eq!(api.source.to_string(), "podman/lab");
    assert_eq!(api.containers.first().map(|container| &*container.reference), Some(IMAGE));
    let image = image_of(&client, IMAGE).await?;
    assert_eq!(node_packages(&packages_of(&client, &image.digest).await?), npm_packages(&trees)?);

    // While no service runs, one container comes and another one goes.
    podman.kill()?;
    podman.run_idle("batch", IMAGE)?;
    podman.run_idle("spare", IMAGE)?;
    podman.podman(&["rm", "--force", "--time", "0", "api"])?;
    podman.restart().await?;
    owned_by(&client, &["container/batch", "container/spare"]).await?;
    mesh.settled(2).await?;

    podman.podman(&["rm", "--force", "--time", "0", "batch"])?;
    owned_by(&client, &["container/spare"]).await
}

async fn pod_of(client: &Client, owner: &str) -> Result<Pod> {
    let query = PodQuery { owner: Some(owner.to_owned()), ..PodQuery::default() };
    let pod = client.pods(&query).await?.items.into_iter().next();
    pod.with_context(|| format!("no pod of {owner}"))
}

/// Wait until the pods are those of `owners` and no others.
async fn owned_by(client: &Client, owners: &[&str]) -> Result<()> {
    until("pods of the containers that run, and no others", async || {
        let pods = client.pods(&PodQuery::default()).await?.items;
        let known: BTreeSet<String> =
            pods.iter().filter_map(|pod| Some(pod.owner.as_ref()?.to_string())).collect();
        Ok((known.iter().eq(owners)).then_some(()))
    })
    .await
}
