//! A large cluster, perceived: 150,000 pods on 5,000 nodes, served by a scripted API server, watched
//! by a real perceiver that tells a real core, each a process of its own.

mod api;
pub mod child;
mod churn;
mod layout;
mod marks;
mod nodes;
mod objects;
pub mod tells;
mod template;

use crate::figures::{Figure, Process};
use crate::ingest::block_on;
use crate::memory;
use anyhow::{Context, Result, ensure};
use api::{ApiServer, Lists};
use api_client::{Client, ClientSettings, Retry};
use api_vocab::SourceId;
use child::Part;
use layout::{PODS, WORKLOADS};
use objects::{COLLECTIONS, Collection};
use serde::de::IgnoredAny;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Where the cluster is seen.
pub const SOURCE: &str = "kubernetes/large";
/// The core's data folder: it knows the cluster's images, and no pods.
const KNOWN: &str = "cluster";
/// How long the whole list may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// How often the core is asked whether it knows all.
const POLL: Duration = Duration::from_millis(20);
/// How long nothing happens before memory is looked at.
const REST: Duration = Duration::from_secs(3);
/// How long processor time is counted, and how long findings are waited for.
const STEADY: Duration = Duration::from_secs(30);
const PROBED: Duration = Duration::from_secs(60);
/// Of so many pods that begin to run one is probed.
const ONE_OF: usize = 4;
const PAGE: usize = 500;

/// A core's data folder, with all images scanned and matched.
pub fn prepare(folder: &Path) -> Result<()> {
    memory::prepare_images(folder, KNOWN)
}

/// The list by pages, memory, then a time of changes.
pub fn measure_paged(folder: &Path) -> Result<Vec<Figure>> {
    block_on(measure(folder, Lists::Paged))
}

/// The same with a streaming list.
pub fn measure_streamed(folder: &Path) -> Result<Vec<Figure>> {
    block_on(measure(folder, Lists::Streamed))
}

async fn measure(folder: &Path, lists: Lists) -> Result<Vec<Figure>> {
    let api = ApiServer::start(lists).await?;
    let mut figures = vec![];
    let floor = floor(&api)?;
    let how = if lists == Lists::Paged { "pages" } else { "streams" };
    let own = format!("{KNOWN}-{how}");
    copy(&folder.join(KNOWN), &folder.join(&own))?;
    let core = Part::core(folder, &own).await?;
    let idle = core.process().resident_mib();
    let client = Client::new(&ClientSettings { core: core.said.clone(), ..ClientSettings::default() })?;
    let client = client.with_retry(Retry::NEVER);

    let begun = Instant::now();
    let perceiver = perceiver(&folder.join(&own), &api, &core.said, "").await?;
    let full = until_known(&client).await?;
    let listed = api.listed().context("nothing was listed")?;
    let sent = api.sent() as f64 / f64::from(1 << 20);
    let whole = full.duration_since(begun).as_secs_f64();
    figures.extend([
        Figure {
            floor: Some(floor.parse + floor.loopback),
            ratio: Some(whole / (floor.parse + floor.loopback)),
            ..Figure::plain(format!("{PODS} pods, {how}: start to all known by the core"), whole, "s", "-")
        },
        Figure::plain(
            "of which after the last byte of the pods",
            full.duration_since(listed).as_secs_f64(),
            "s",
            "< 10",
        ),
        Figure::plain("floor: all pods' JSON passed over by serde_json", floor.parse, "s", "-"),
        Figure::plain("floor: as many bytes over loopback", floor.loopback, "s", "-"),
        Figure::plain("sent by the API server until then", sent, "MiB", "-"),
        Figure::plain("processor time: perceiver until then", perceiver.process().cpu_seconds(), "s", "-"),
    ]);

    tokio::time::sleep(REST).await;
    figures.extend(memory_of("perceiver, all listed", &perceiver.process(), "≤ 128"));
    figures.push(Figure::plain(
        format!("core: resident with {WORKLOADS} workloads' images and no pods"),
        idle,
        "MiB",
        "-",
    ));
    figures.extend(memory_of("core with contexts, all listed", &core.process(), "≤ 256"));

    let (began, receiver) = mpsc::channel(1024);
    let mut churn = churn::Churn::new(api.clone(), ONE_OF, began);
    figures.extend(steady(&mut churn, &perceiver.process(), &core.process()).await?);
    // What began to run meanwhile is not probed.
    let receiver = emptied(receiver);
    let probing = tokio::spawn(churn::probe(client.clone(), receiver));
    churn.run(PROBED).await?;
    drop(churn);
    figures.extend(latencies(&probing.await??));
    figures.extend(memory_of("perceiver, after changes", &perceiver.process(), "≤ 128"));
    figures.extend(memory_of("core, after changes", &core.process(), "≤ 256"));
    figures.push(Figure::plain("requests to the API server", api.asked() as f64, "", "-"));
    figures.push(Figure::plain("of which writes", api.writes() as f64, "", "0"));
    perceiver.end().await?;
    core.end().await?;
    Ok(figures)
}

/// The files of a folder: another run is to find them as they are.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// A perceiver of the cluster, with `more` in its settings file.
async fn perceiver(folder: &Path, api: &ApiServer, core: &str, more: &str) -> Result<Part> {
    let kubeconfig = folder.join("kubeconfig.json");
    let text = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{ "name": "bench", "cluster": { "server": api.url() } }],
        "users": [{ "name": "bench", "user": {} }],
        "contexts": [{ "name": "bench", "context": { "cluster": "bench", "user": "bench" } }],
    });
    std::fs::write(&kubeconfig, text.to_string())?;
    let name = SOURCE.split_once('/').map_or(SOURCE, |(_, name)| name);
    let kubeconfig = kubeconfig.to_str().context("a folder whose name is text")?;
    let settings = folder.join("perceiver.toml");
    std::fs::write(&settings, more)?;
    let settings = settings.to_str().context("a folder whose name is text")?;
    let flags = ["--config", settings, "--kubeconfig", kubeconfig, "--name", name, "--core", core];
    let environment = [
        ("PERCEPTOR_KUBERNETES_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
        ("PERCEPTOR_KUBERNETES_LOG__LEVEL", "warn".to_owned()),
    ];
    Part::perceiver(&flags, &environment).await
}

/// When the core knows all pods.
async fn until_known(core: &Client) -> Result<Instant> {
    let source: SourceId = SOURCE.parse()?;
    let asking = async {
        loop {
            // Before the first pod the core knows no such source.
            if let Ok(known) = core.source(&source).await
                && known.last_full_state.is_some()
            {
                return known.pods;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let known =
        tokio::time::timeout(PATIENCE, asking).await.context("the core does not come to know all pods")?;
    let now = Instant::now();
    ensure!(known == PODS as u64, "{known} pods instead of {PODS}");
    let images = core.summary().await?.images;
    ensure!(images.queued + images.leased == 0, "{} images are not known", images.queued);
    Ok(now)
}

fn memory_of(what: &str, process: &Process, goal: &str) -> [Figure; 2] {
    let resident = process.resident_mib();
    let more = format!("{what}: resident ({:.0} proportional)", process.proportional_mib());
    [
        Figure::plain(format!("{what}: peak resident so far"), process.peak_mib(), "MiB", goal),
        Figure::plain(more, resident, "MiB", goal),
    ]
}

/// Processor time under changes, in thousandths of a core.
async fn steady(churn: &mut churn::Churn, perceiver: &Process, core: &Process) -> Result<[Figure; 2]> {
    let (before, begun) = ((perceiver.cpu_seconds(), core.cpu_seconds()), Instant::now());
    churn.run(STEADY).await?;
    let each = |before: f64, now: f64| (now - before) / begun.elapsed().as_secs_f64() * 1_000.0;
    let what = format!("under {} changes of pods a second", churn::RATE);
    Ok([
        Figure::plain(format!("perceiver {what}"), each(before.0, perceiver.cpu_seconds()), "mCPU", "-"),
        Figure::plain(format!("core {what}"), each(before.1, core.cpu_seconds()), "mCPU", "-"),
    ])
}

fn emptied<T>(mut receiver: mpsc::Receiver<T>) -> mpsc::Receiver<T> {
    while receiver.try_recv().is_ok() {}
    receiver
}

fn latencies(seconds: &[f64]) -> Vec<Figure> {
    let at = |share: f64| {
        let rank = (seconds.len() as f64 * share).ceil() as usize;
        seconds.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    };
    let what = format!("pod runs → its findings in the core's API, {} pods", seconds.len());
    vec![
        Figure::plain(format!("{what}: median"), at(0.5), "s", "-"),
        Figure::plain("99 of 100", at(0.99), "s", "< 1"),
        Figure::plain("all", at(1.0), "s", "-"),
    ]
}

struct Floor {
    parse: f64,
    loopback: f64,
}

/// What the list of pods costs whoever reads it, in seconds: its JSON passed over, its bytes received.
fn floor(api: &ApiServer) -> Result<Floor> {
    let pods: &Collection = COLLECTIONS.first().context("no pods")?;
    let (mut parse, mut bytes) = (Duration::ZERO, 0);
    for first in (0..PODS).step_by(PAGE) {
        let body = api.page_body(pods, first..(first + PAGE).min(PODS), false);
        let start = Instant::now();
        serde_json::from_str::<IgnoredAny>(&body)?;
        parse += start.elapsed();
        bytes += body.len();
    }
    Ok(Floor { parse: parse.as_secs_f64(), loopback: loopback(bytes)? })
}

/// Seconds that so many bytes take from one thread to another by TCP.
fn loopback(bytes: usize) -> Result<f64> {
    const PIECE: usize = 256 << 10;
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let start = Instant::now();
    let writer = std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address)?;
        let piece = vec![b' '; PIECE];
        (0..bytes.div_ceil(PIECE)).try_for_each(|_| stream.write_all(&piece))
    });
    let (mut stream, _) = listener.accept()?;
    let mut piece = vec![0; PIECE];
    while stream.read(&mut piece)? > 0 {}
    writer.join().map_err(|_| anyhow::anyhow!("the writer ended"))??;
    Ok(start.elapsed().as_secs_f64())
}
