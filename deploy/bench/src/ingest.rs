//! Observations a second, each durable when it is answered, against appending the same bytes to a
//! file that is synchronised as often.

use crate::figures::{Figure, cpu_seconds};
use crate::fleet;
use anyhow::{Context, Result, ensure};
use api_client::{Client, ClientSettings};
use api_wire::observation as wire;
use core_model::{Command, Observation};
use core_server::config::AdvisoryConfig;
use core_server::{App, Config, Running, Surroundings};
use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Callers, observations of each call, observations in all, goal.
struct Load {
    what: &'static str,
    callers: usize,
    batch: usize,
    total: usize,
    goal: &'static str,
}

const SINGLE: Load =
    Load { what: "1 a call, 64 callers", callers: 64, batch: 1, total: 64 * 400, goal: "≥ 5000" };
const BATCHED: Load =
    Load { what: "1000 a call, 4 callers", callers: 4, batch: 1_000, total: 300_000, goal: "≥ 100000" };

impl Load {
    fn figures(&self, through: &str, rate: f64, cpu: f64, floor: f64, goal: &str) -> [Figure; 2] {
        let what = format!("{through}, {}", self.what);
        let each = Figure::plain(format!("{what}: processor time of each"), cpu, "µs", "-");
        [Figure::rate(what, rate, floor, goal), each]
    }
}

/// Through the core's engine, in this process.
pub fn through_engine(folder: &Path) -> Result<Vec<Figure>> {
    block_on(async {
        let mut figures = Vec::new();
        for load in [SINGLE, BATCHED] {
            let core = start(folder, load.what).await?;
            let engine = core.core().engine.clone();
            let (rate, cpu) = rate(&load, move |observations| {
                let engine = engine.clone();
                async move {
                    let command = Command::Observe { source: fleet::source()?, observations };
                    Ok(engine.apply(command).await.map(drop)?)
                }
            })
            .await?;
            ensure!(core.core().view.pod_count() == load.total as u64, "pods are missing");
            core.stop().await?;
            figures.extend(load.figures("engine", rate, cpu, floor(folder, &load)?, load.goal));
        }
        Ok(figures)
    })
}

/// Through HTTP on the loopback interface, client included.
pub fn through_http(folder: &Path) -> Result<Vec<Figure>> {
    block_on(async {
        let mut figures = Vec::new();
        for load in [SINGLE, BATCHED] {
            let core = start(folder, load.what).await?;
            let settings = ClientSettings { core: core.url(), ..ClientSettings::default() };
            let client = Client::new(&settings)?;
            let (rate, cpu) = rate(&load, move |observations| {
                let client = client.clone();
                async move {
                    let observations = observations.iter().map(on_the_wire).collect();
                    let batch = wire::ObservationBatch { observations };
                    client.send_observations(&fleet::source()?, &batch).await?;
                    Ok(())
                }
            })
            .await?;
            ensure!(core.core().view.pod_count() == load.total as u64, "pods are missing");
            core.stop().await?;
            figures.extend(load.figures("HTTP", rate, cpu, floor(folder, &load)?, "-"));
        }
        Ok(figures)
    })
}

/// Run something asynchronous.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    api_chassis::tls::install_crypto();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// A core that keeps everything in a folder of its own and looks for advisories nowhere.
pub async fn start(folder: &Path, name: &str) -> Result<Running> {
    run(config(folder, name)).await
}

/// Settings of such a core.
pub fn config(folder: &Path, name: &str) -> Config {
    let mut config = Config { data_dir: folder.join(name), ..Config::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.http.requests_per_second = 0;
    config.advisories = AdvisoryConfig { origin: String::new(), ..config.advisories };
    config
}

/// A core with these settings.
pub async fn run(config: Config) -> Result<Running> {
    Ok(App::build(config, Surroundings::default())?.spawn().await?)
}

/// Observations a second, and microseconds of processor time for each: as many callers as the load
/// says, each waiting for its answers.
async fn rate<F, W>(load: &Load, send: F) -> Result<(f64, f64)>
where
    F: Fn(Vec<Observation>) -> W + Clone + Send + 'static,
    W: Future<Output = Result<()>> + Send,
{
    let each = load.total / load.callers;
    let mut shares = Vec::new();
    for caller in 0..load.callers {
        let pods = (caller * each..(caller + 1) * each).map(|n| Ok(Observation::PodPresent(fleet::pod(n)?)));
        shares.push(pods.collect::<Result<Vec<_>>>()?);
    }
    let (start, before) = (Instant::now(), cpu_seconds());
    let callers = shares.into_iter().map(|share| {
        let (send, batch) = (send.clone(), load.batch);
        tokio::spawn(async move {
            let mut rest = share.into_iter();
            loop {
                let observations: Vec<_> = rest.by_ref().take(batch).collect();
                if observations.is_empty() {
                    return Ok::<(), anyhow::Error>(());
                }
                send(observations).await?;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.context("a caller ended")??;
    }
    let total = load.total as f64;
    let cpu = (cpu_seconds() - before) * 1e6 / total;
    Ok((total / start.elapsed().as_secs_f64(), cpu))
}

/// What the disk does: the same observations as JSON, appended; synchronised once for all callers'
/// calls, the best that sharing commits can do.
fn floor(folder: &Path, load: &Load) -> Result<f64> {
    let mut file = File::create(folder.join("floor"))?;
    let mut lines = Vec::new();
    for n in 0..load.total {
        let observation = Observation::PodPresent(fleet::pod(n)?);
        lines.push(serde_json::to_vec(&on_the_wire(&observation))?);
    }
    let start = Instant::now();
    for group in lines.chunks(load.batch * load.callers) {
        group.iter().try_for_each(|line| file.write_all(line))?;
        file.sync_data()?;
    }
    Ok(load.total as f64 / start.elapsed().as_secs_f64())
}

fn on_the_wire(observation: &Observation) -> wire::Observation {
    match observation {
        Observation::ImageGone(digest) => wire::Observation::ImageGone { digest: digest.clone() },
        Observation::ImagePresent(image) => wire::Observation::ImagePresent {
            image: wire::ObservedImage {
                digest: image.digest.clone(),
                references: image.references.iter().map(ToString::to_string).collect(),
                repo_digests: image.repo_digests.iter().map(ToString::to_string).collect(),
            },
        },
        Observation::PodGone(key) => wire::Observation::PodGone { key: key.to_string() },
        Observation::PodPresent(pod) => wire::Observation::PodPresent {
            pod: wire::ObservedPod {
                key: pod.key.to_string(),
                uid: pod.uid.to_string(),
                node: pod.node.as_deref().map(str::to_owned),
                platform: None,
                owner: pod.owner.as_ref().map(ToString::to_string),
                phase: pod.phase,
                started_at: pod.started_at,
                labels: pod
                    .labels
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_string()))
                    .collect(),
                context: Default::default(),
                containers: pod.containers.iter().map(container).collect(),
            },
        },
    }
}

fn container(container: &core_model::ObservedContainer) -> wire::ObservedContainer {
    let reported = container.reported.as_ref();
    wire::ObservedContainer {
        name: container.name.to_string(),
        kind: container.kind,
        image: container.reference.to_string(),
        image_id: reported.map(|image| match &image.reference {
            Some(reference) => reference.to_string(),
            None => image.digest.to_string(),
        }),
        repo_digests: Vec::new(),
        privileges: Default::default(),
    }
}
