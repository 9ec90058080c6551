//! Two clusters in one core: each a source of its own, and what is the same in both is known once.

use crate::{TURN, can_run};
use anyhow::{Context, Result, ensure};
use api_client::Client;
use api_vocab::{Digest, SourceId};
use api_wire::event::{Change, Event};
use api_wire::image::ImageState;
use api_wire::pod::{Pod, PodQuery};
use api_wire::source::SourceHealth;
use e2e::cluster::Cluster;
use e2e::fleet::{events, packages_image, push, times};
use e2e::mesh::Mesh;
use e2e::registry::Registry;
use e2e::rights::install_rights;
use e2e::until::until;
use std::time::{Duration, Instant};

/// What the clusters are called.
const EAST: &str = "east";
const WEST: &str = "west";
/// After which silence the core believes a source no more: those that are well say something every
/// three seconds, and the machine may be busy.
const STALE_SECONDS: &str = "20";

struct Lab {
    mesh: Mesh,
    client: Client,
    registry: Registry,
    east: Cluster,
    west: Cluster,
    folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_of_one_core_share_images_and_fail_each_alone() -> Result<()> {
    if !can_run("clusters_of_one_core_share_images_and_fail_each_alone") {
        return Ok(());
    }
    let _turn = TURN.lock().await;
    let mut lab = Lab::start().await?;
    let outcome = scenes(&mut lab).await;
    outcome.with_context(|| lab.mesh.logs())
}

async fn scenes(lab: &mut Lab) -> Result<()> {
    let image = same_pod_in_both_is_two_pods_of_one_image_scanned_once(lab).await?;
    pod_gone_from_one_stays_in_the_other(lab).await?;
    lost_cluster_goes_stale_alone_and_keeps_its_pods(lab).await?;
    let told = events(&lab.client, &lab.west).await?;
    assert_eq!(times(&told, &image, "scanned"), 1);
    nothing_was_forgotten_but_what_was_deleted(&told)
}

impl Lab {
    async fn start() -> Result<Self> {
        // A short path: a socket's has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("two").tempdir_in("/tmp")?;
        let east = Cluster::start(&folder.path().join("e")).await?;
        let west = Cluster::start(&folder.path().join("w")).await?;
        let registry = Registry::start(&folder.path().join("r")).await?;
        let mut mesh = Mesh::new(&folder.path().join("m"), "")?;
        mesh.set("core", "PERCEPTOR_CORE_SCANS__SOURCE_STALE_SECONDS", STALE_SECONDS);
        mesh.start_core().await?;
        mesh.start_named_perceiver(EAST, &install_rights(&east, &[]).await?)?;
        mesh.start_named_perceiver(WEST, &install_rights(&west, &[]).await?)?;
        mesh.start_replica(1, &registry).await?;
        let client = mesh.client("reader")?;
        Ok(Lab { mesh, client, registry, east, west, folder })
    }

    async fn pods(&self, cluster: &str) -> Result<Vec<Pod>> {
        let query = PodQuery { source: Some(format!("kubernetes/{cluster}")), ..PodQuery::default() };
        Ok(self.client.pods(&query).await?.items)
    }

    async fn until_pods(&self, cluster: &str, wanted: &[&str]) -> Result<Vec<Pod>> {
        until(&format!("pods {wanted:?} of {cluster}"), async || {
            let pods = self.pods(cluster).await?;
            Ok(pods.iter().map(|pod| pod.name.as_str()).eq(wanted.iter().copied()).then_some(pods))
        })
        .await
    }

    async fn health(&self, cluster: &str) -> Result<SourceHealth> {
        let source: SourceId = format!("kubernetes/{cluster}").parse()?;
        Ok(self.client.source(&source).await?.health)
    }

    async fn until_health(&self, cluster: &str, wanted: SourceHealth) -> Result<Duration> {
        let began = Instant::now();
        until(&format!("{cluster} to be {wanted:?}"), async || {
            Ok((self.health(cluster).await? == wanted).then(|| began.elapsed()))
        })
        .await
    }
}

async fn same_pod_in_both_is_two_pods_of_one_image_scanned_once(lab: &Lab) -> Result<Digest> {
    let archive = packages_image("web", 50, lab.folder.path())?;
    let (image_id, _) = push(&lab.registry, &archive, "fleet/web:1", "--format=oci")?;
    let reference = format!("{}/fleet/web:1", lab.registry.host());
    for cluster in [&lab.east, &lab.west] {
        cluster.pretend_pod("default", "web", &reference, &image_id).await?;
    }
    let (east, west) = (lab.until_pods(EAST, &["web"]).await?, lab.until_pods(WEST, &["web"]).await?);
    let (east, west) = (east.first().context("no pod")?, west.first().context("no pod")?);
    ensure!(east.namespace == west.namespace && east.uid != west.uid, "{east:?} {west:?}");
    until("the scan of the image", async || {
        let images = lab.client.images(&Default::default()).await?.items;
        let [image] = images.as_slice() else { return Ok(None) };
        let scanned = matches!(image.state, ImageState::Scanned { .. }) && image.packages == Some(50);
        Ok((scanned && image.pods == 2).then(|| image.digest.clone()))
    })
    .await
}

async fn pod_gone_from_one_stays_in_the_other(lab: &Lab) -> Result<()> {
    lab.east.kubectl(&["delete", "pod", "web", "--force"])?;
    lab.until_pods(EAST, &[]).await?;
    assert_eq!(lab.pods(WEST).await?.len(), 1);
    let image = lab.pods(WEST).await?.first().and_then(|pod| pod.containers.first()?.image.clone());
    assert_eq!(lab.client.image(&image.context("no image")?).await?.pods, 1);
    Ok(())
}

#[allow(clippy::print_stderr)]
async fn lost_cluster_goes_stale_alone_and_keeps_its_pods(lab: &mut Lab) -> Result<()> {
    lab.west.kill_api_server()?;
    let stale = lab.until_health(WEST, SourceHealth::Stale).await?;
    assert_eq!(lab.health(EAST).await?, SourceHealth::Fresh);
    assert_eq!(lab.pods(WEST).await?.len(), 1);
    // Meanwhile the other is perceived as ever.
    let image =
        "registry.example/till@sha256:1111111111111111111111111111111111111111111111111111111111111111";
    lab.east.pretend_pod("default", "till", image, image).await?;
    lab.until_pods(EAST, &["till"]).await?;
    lab.west.start_api_server().await?;
    let fresh = lab.until_health(WEST, SourceHealth::Fresh).await?;
    lab.until_pods(WEST, &["web"]).await?;
    eprintln!(
        "clusters: stale {stale:.1?} after its API server was killed, fresh {fresh:.1?} after its return"
    );
    Ok(())
}

fn nothing_was_forgotten_but_what_was_deleted(told: &[Event]) -> Result<()> {
    let gone = told.iter().filter_map(|event| match &event.change {
        Change::PodGone { source, pod } => Some(format!("{source} {pod}")),
        _ => None,
    });
    assert_eq!(gone.collect::<Vec<_>>(), ["kubernetes/east default/web"]);
    Ok(())
}
