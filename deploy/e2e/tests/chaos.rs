//! `kill -9` of any part at any moment: nothing acknowledged is lost, nothing is stuck.

use anyhow::{Result, ensure};
use e2e::acknowledged::Acknowledged;
use e2e::lab::Lab;
use e2e::parts;
use std::time::Duration;

const PARTS: &[&str] = &["dockerd", "docker", "docker-compose", "debootstrap", "rpm", "npm", "pip3"];
const VICTIMS: [&str; 5] = ["core", "scanner-1", "fetcher", "engine", "perceiver"];

#[tokio::test(flavor = "multi_thread")]
async fn any_part_killed_at_any_moment_loses_nothing_acknowledged() -> Result<()> {
    if !parts::has("any_part_killed_at_any_moment_loses_nothing_acknowledged", PARTS) {
        return Ok(());
    }
    let mut lab = Lab::start().await?;
    lab.mesh.start(2).await?;
    for (round, victim) in VICTIMS.into_iter().cycle().take(2 * VICTIMS.len()).enumerate() {
        let version = u32::try_from(round)? + 2;
        // Work begins: a new version of an image; and somewhere in it the victim dies.
        lab.upgrade_web_marked(version)?;
        tokio::time::sleep(Duration::from_millis(moment(round))).await;
        let acknowledged = Acknowledged::by(&lab.mesh).await?;
        kill(&mut lab, victim)?;
        revive(&mut lab, victim).await?;
        let images = lab.settled_with_web(version).await?;
        ensure!(images.len() == 3, "round {round}, {victim} killed: {} images run", images.len());
        acknowledged.is_kept(&lab.mesh, &format!("{victim} killed")).await?;
    }
    Ok(())
}

/// From at once to three quarters of a second: while it is perceived, leased, fetched, extracted,
/// reported, or done. The same on every run; what happens meanwhile is not.
fn moment(round: usize) -> u64 {
    (round as u64 * 337) % 751
}

fn kill(lab: &mut Lab, victim: &str) -> Result<()> {
    if victim == "engine" { lab.engine.kill() } else { lab.mesh.kill(victim) }
}

async fn revive(lab: &mut Lab, victim: &str) -> Result<()> {
    match victim {
        "core" => lab.mesh.start_core().await,
        "engine" => lab.engine.restart().await,
        "fetcher" => lab.mesh.start_fetcher().await,
        "perceiver" => lab.mesh.start_perceiver(),
        _ => lab.mesh.start_scanner(1),
    }
}
