//! The core's disk is full: it says so with 503, goes on answering readers, takes changes again
//! once there is room, and has lost nothing that it acknowledged.

use anyhow::{Result, ensure};
use api_client::Client;
use api_vocab::{PodPhase, SourceId};
use api_wire::error::ErrorCode;
use api_wire::image::ImageQuery;
use api_wire::observation::{Observation, ObservationBatch, ObservedPod};
use api_wire::pod::PodQuery;
use e2e::acknowledged::Acknowledged;
use e2e::disk::Disk;
use e2e::door;
use e2e::lab::Lab;
use e2e::parts;
use e2e::until::until;

const PARTS: &[&str] =
    &["mount", "umount", "dockerd", "docker", "docker-compose", "debootstrap", "rpm", "npm", "pip3"];
const TEST: &str = "core_whose_disk_is_full_says_so_and_recovers_without_a_restart";

#[tokio::test(flavor = "multi_thread")]
async fn core_whose_disk_is_full_says_so_and_recovers_without_a_restart() -> Result<()> {
    if !parts::has(TEST, PARTS) {
        return Ok(());
    }
    let mut lab = Lab::start().await?;
    let disk = Disk::mount(&lab.mesh.data(), 48)?;
    lab.mesh.start(1).await?;
    lab.mesh.settled(3).await?;
    let acknowledged = Acknowledged::by(&lab.mesh).await?;

    disk.fill()?;
    let told = changes_are_refused(&lab).await?;
    readers_are_answered(&lab, &acknowledged).await?;
    lab.upgrade_web_marked(2)?;

    disk.empty()?;
    until("the core to be ready again", async || Ok(lab.mesh.client("reader")?.ready().await.ok())).await?;
    lab.mesh.settled(3 + told).await?;
    acknowledged.is_kept(&lab.mesh, "disk full").await?;
    // Nor does what was acknowledged rest on the process alone.
    let all = Acknowledged::by(&lab.mesh).await?;
    lab.mesh.kill("core")?;
    lab.mesh.start_core().await?;
    all.is_kept(&lab.mesh, "disk full, then killed").await?;
    let said = lab.mesh.log("core").matches("events not stored").count();
    ensure!(said == 1, "said {said} times that the disk is full:\n{}", lab.mesh.log("core"));
    Ok(())
}

/// Tell of pods until it is refused; how many were taken.
async fn changes_are_refused(lab: &Lab) -> Result<usize> {
    let client = lab.mesh.client("perceiver")?;
    let mut told = 0;
    let error = until("a change to be refused", async || match tell(&client, told).await {
        Ok(()) => {
            told += 1;
            Ok(None)
        }
        Err(error) => Ok(Some(error)),
    })
    .await?;
    ensure!(error.code() == Some(ErrorCode::Unavailable), "{error:?}");
    ensure!(error.to_string().contains("quota is full"), "{error}");
    // The next change that is tried finds out.
    until("the core to say why it is not ready", async || {
        let answer = door::ask(lab.mesh.address(), "/readyz").await?;
        Ok((answer.status == 503 && answer.body.contains("quota is full")).then_some(()))
    })
    .await?;
    Ok(told)
}

async fn tell(client: &Client, number: usize) -> Result<(), api_client::ClientError> {
    let pod = ObservedPod {
        key: format!("/told-{number}"),
        uid: "1".to_owned(),
        node: None,
        platform: None,
        owner: None,
        phase: PodPhase::Running,
        started_at: None,
        labels: Default::default(),
        context: Default::default(),
        containers: Vec::new(),
    };
    let batch = ObservationBatch { observations: vec![Observation::PodPresent { pod }] };
    client.send_observations(&source(), &batch).await.map(drop)
}

#[allow(clippy::unwrap_used)]
fn source() -> SourceId {
    "docker/told".parse().unwrap()
}

async fn readers_are_answered(lab: &Lab, acknowledged: &Acknowledged) -> Result<()> {
    let client = lab.mesh.client("reader")?;
    ensure!(client.pods(&PodQuery::default()).await?.items.len() >= 3);
    ensure!(client.images(&ImageQuery::default()).await?.items.len() >= 3);
    acknowledged.is_kept(&lab.mesh, "disk full").await
}
