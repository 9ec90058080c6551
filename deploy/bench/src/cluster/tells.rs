//! A large cluster that is told what the core thinks: marks on every pod and on what owns it.

use super::api::{ApiServer, Lists};
use super::layout::{PODS, WORKLOADS};
use super::{KNOWN, PATIENCE, REST, churn, copy, memory_of, perceiver, steady, until_known};
use crate::cluster::child::Part;
use crate::figures::{Figure, Process};
use crate::ingest::block_on;
use anyhow::{Result, ensure};
use api_client::{Client, ClientSettings, Retry};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Writes each second: as many as there can be, so that the measurement ends.
const PACE: u32 = 10_000;
/// Those that are the default.
const USUAL: f64 = 20.0;
/// How long nothing is written before everything is.
const QUIET: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(500);

/// What marking everything costs, then marking what changes.
pub fn measure(folder: &Path) -> Result<Vec<Figure>> {
    block_on(mark_all(folder))
}

async fn mark_all(folder: &Path) -> Result<Vec<Figure>> {
    let api = ApiServer::start(Lists::Streamed).await?;
    let own = format!("{KNOWN}-tells");
    copy(&folder.join(KNOWN), &folder.join(&own))?;
    let core = Part::core(folder, &own).await?;
    let client = Client::new(&ClientSettings { core: core.said.clone(), ..ClientSettings::default() })?;
    let settings = format!(
        "[tell]\nmarks = ['perceptor']\nlink = 'https://perceptor.example'\nwrites_per_second = {PACE}\n"
    );
    let perceiver = perceiver(&folder.join(&own), &api, &core.said, &settings).await?;
    let known = until_known(&client.with_retry(Retry::NEVER)).await?;
    let (before, written) = (perceiver.process().cpu_seconds(), api.writes());
    let all = until_marked(&api).await?.duration_since(known).as_secs_f64();
    // What was written before all was known took processor time before that, too.
    let while_counted = (api.writes() - written).max(1) as f64;
    let cpu = (perceiver.process().cpu_seconds() - before) / while_counted * 1e6;
    let writes = api.writes() as f64;
    let mut figures = vec![
        Figure::plain(format!("{PODS} pods, {WORKLOADS} workloads: all known to all marked"), all, "s", "-"),
        Figure::plain("writes to the API server until then", writes, "", "-"),
        Figure::plain("of which a pod", writes / PODS as f64, "", "-"),
        Figure::plain("which at 20 a second, the default, take", writes / USUAL / 3_600.0, "h", "-"),
        Figure::plain("processor time of a write: perceiver", cpu, "µs", "-"),
    ];
    tokio::time::sleep(REST).await;
    figures.extend(memories(&perceiver.process(), &core.process(), "all marked"));

    let (began, _none) = mpsc::channel(1);
    let mut churn = churn::Churn::new(api.clone(), 0, began);
    let before = api.writes();
    figures.extend(steady(&mut churn, &perceiver.process(), &core.process()).await?);
    let more = (api.writes() - before) as f64 / super::STEADY.as_secs_f64();
    figures.push(Figure::plain("writes a second meanwhile", more, "/s", "-"));
    figures.extend(memories(&perceiver.process(), &core.process(), "after changes"));
    perceiver.end().await?;
    core.end().await?;
    Ok(figures)
}

fn memories(perceiver: &Process, core: &Process, when: &str) -> Vec<Figure> {
    let mut figures = Vec::from(memory_of(&format!("perceiver, {when}"), perceiver, "≤ 128"));
    figures.extend(memory_of(&format!("core, {when}"), core, "≤ 256"));
    figures
}

/// When the last thing was written, once nothing was for a while.
async fn until_marked(api: &ApiServer) -> Result<Instant> {
    let (begun, mut last, mut count) = (Instant::now(), Instant::now(), api.writes());
    while last.elapsed() < QUIET {
        ensure!(begun.elapsed() < PATIENCE, "{count} writes, and no end");
        tokio::time::sleep(LOOK).await;
        if api.writes() != count {
            (last, count) = (Instant::now(), api.writes());
        }
    }
    let marked = api.marks().count();
    ensure!(marked == PODS, "{marked} pods are marked instead of {PODS}");
    Ok(last)
}
