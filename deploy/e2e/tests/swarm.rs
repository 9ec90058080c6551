//! A Swarm service on a real engine: its containers have the service as their owner.

use anyhow::{Context, Result};
use api_wire::pod::PodQuery;
use e2e::engine::Engine;
use e2e::inventory::{node_packages, npm_packages, packages_of};
use e2e::mesh::Mesh;
use e2e::parts;
use e2e::until::until;

const PARTS: &[&str] = &["dockerd", "docker", "unshare", "ip", "debootstrap", "rpm", "npm", "pip3"];

#[tokio::test(flavor = "multi_thread")]
async fn swarm_service_owns_its_containers_until_it_is_removed() -> Result<()> {
    if !parts::has("swarm_service_owns_its_containers_until_it_is_removed", PARTS) {
        return Ok(());
    }
    let trees = parts::trees()?;
    // A short path: a socket's has at most 107 bytes.
    let folder = tempfile::Builder::new().prefix("lab").tempdir_in("/tmp")?;
    let engine = Engine::start_swarm(&folder.path().join("engine")).await?;
    engine.import(&trees.join("api"), "shop/api:1")?;
    engine.docker(&[
        "service",
        "create",
        "--detach",
        "--name=ledger",
        "--network=host",
        "--no-resolve-image",
        "--stop-signal=SIGKILL",
        "shop/api:1",
        "/bin/sleep",
        "infinity",
    ])?;
    let mut mesh = Mesh::new(&folder.path().join("mesh"), &engine.host())?;
    mesh.start(1).await?;
    let client = mesh.client("reader")?;

    mesh.settled(1).await?;
    let query = PodQuery { owner: Some("swarm/ledger".to_owned()), ..PodQuery::default() };
    let pods = client.pods(&query).await?.items;
    let container = pods.first().and_then(|pod| pod.containers.first()).context("no pod of swarm/ledger")?;
    let image = container.image.as_ref().context("no image of swarm/ledger")?;
    assert_eq!(node_packages(&packages_of(&client, image).await?), npm_packages(&trees)?);

    engine.docker(&["service", "rm", "ledger"])?;
    until("the service's pod to be gone", async || {
        Ok(client.pods(&PodQuery::default()).await?.items.is_empty().then_some(()))
    })
    .await
}
