//! All parts of the mesh, started in one process and stopped in order.

use super::archives::InventoryStore;
use super::places::Places;
use crate::cli::UpArgs;
use crate::progress::Progress;
use anyhow::{Context, Result};
use api_chassis::engines::EngineCandidate;
use api_chassis::metrics;
use api_chassis::shutdown::Shutdown;
use api_client::{Client, ClientSettings, Retry};
use api_vocab::Timestamp;
use api_wire::fetcher::ResolveRequest;
use api_wire::image_source::ImageSource;
use api_wire::scanner::ScannerRegistration;
use core_server::{App, Config, Running, Surroundings};
use futures_util::FutureExt;
use image_fetcher::Fetcher;
use image_fetcher::stores::Store;
use image_fetcher::stores::archive::ArchiveStore;
use image_fetcher::stores::docker::DockerStore;
use perceiver_docker::config::EngineSettings;
use perceiver_kit::inventory::{self, Inventory, InventoryError, Resolver};
use perceiver_kit::{SendSettings, Vitals};
use scanner_engines::{Engine, Native};
use scanner_worker::{Memory, Patience, Pressure, Scanner, ScannerMetrics, ScannerParts};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// What scans may use together, in MiB.
const SCAN_MEMORY: u32 = 192;
/// How long scans may go on after Ctrl-C.
const DRAIN: Duration = Duration::from_secs(10);

/// The running mesh.
pub struct Mesh {
    core: Running,
    client: Client,
    begun: Timestamp,
    before: u64,
    edges: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl Mesh {
    /// Start the core, then what talks to it.
    pub async fn start(
        args: &UpArgs,
        data: &Path,
        places: &Places,
        progress: &Arc<Progress>,
    ) -> Result<Self> {
        let begun = Timestamp::now();
        let core = App::build(core_config(args, data), Surroundings::default())?.spawn().await?;
        let before = core.core().stream.last();
        let settings = ClientSettings { core: core.url(), ..ClientSettings::default() };
        let client = Client::new(&settings)?;
        let mut mesh = Mesh { core, client, begun, before, edges: Shutdown::new(), tasks: Vec::new() };
        mesh.start_scanner(args, places, progress)?;
        mesh.start_perceivers(places);
        Ok(mesh)
    }

    fn start_scanner(&mut self, args: &UpArgs, places: &Places, progress: &Arc<Progress>) -> Result<()> {
        let engine: Arc<dyn Engine> = Arc::new(Native::default());
        let scanner = Scanner::new(ScannerParts {
            client: self.client.clone(),
            source: Arc::new(Fetcher::new(stores(places))),
            registration: ScannerRegistration {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                extractor_set: engine.extractor_set(),
                node: None,
                sources: Vec::new(),
                platforms: Vec::new(),
                max_leases: args.scans,
                registry: None,
            },
            engine,
            observer: Arc::clone(progress) as _,
            memory: Memory::of_mib(SCAN_MEMORY),
            pressure: Pressure::ignored(),
            metrics: ScannerMetrics::register(&mut metrics::registry("scanner")),
            patience: Patience::default(),
            name: "local".parse().context("name the scanner")?,
            drain: DRAIN,
        });
        self.tasks.push(tokio::spawn(scanner.run(self.edges.clone())));
        Ok(())
    }

    fn start_perceivers(&mut self, places: &Places) {
        // The kit repeats by itself what is still true; the client must not repeat what was.
        let client = self.client.clone().with_retry(Retry::NEVER);
        for candidate in places.engines() {
            let engine = EngineSettings { address: candidate.endpoint.clone(), ..EngineSettings::default() };
            let send = SendSettings::default();
            let (client, edges) = (client.clone(), self.edges.clone());
            let run = perceiver_docker::app::perceive(engine, send, client, Vitals::default(), edges);
            self.tasks.push(tokio::spawn(run));
        }
        if let Some((file, _)) = &places.inventory {
            let send = SendSettings::default();
            let run = inventory::run(file.clone(), Some(resolver()), send, client, self.edges.clone());
            self.tasks.push(tokio::spawn(run.map(report)));
        }
    }

    /// A client of its core.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// When it was started.
    pub const fn begun(&self) -> Timestamp {
        self.begun
    }

    /// The last event before anything was perceived.
    pub const fn before(&self) -> u64 {
        self.before
    }

    /// The core's address.
    pub fn url(&self) -> String {
        self.core.url()
    }

    /// Stop the edges, so that scans are finished or given back, then the core.
    pub async fn stop(self) -> Result<()> {
        self.edges.begin();
        for task in self.tasks {
            task.await.context("a part of the mesh died")?;
        }
        self.core.stop().await.context("stop the core")
    }
}

fn report(outcome: Result<(), InventoryError>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "inventory is not watched");
    }
}

fn core_config(args: &UpArgs, data: &Path) -> Config {
    let mut config = Config { data_dir: data.to_path_buf(), ..Config::default() };
    config.http.listen = args.listen;
    if args.offline {
        config.advisories.origin = String::new();
    } else if let Some(origin) = &args.advisories {
        config.advisories.origin = origin.clone();
    }
    config
}

fn stores(places: &Places) -> Vec<Box<dyn Store>> {
    let engine = |candidate: &EngineCandidate| Box::new(DockerStore::new(&candidate.endpoint, None)) as _;
    let archives = |(file, _): &(PathBuf, Inventory)| Box::new(InventoryStore::new(file.clone())) as _;
    places.engines().map(engine).chain(places.inventory.iter().map(archives)).collect()
}

/// An archive knows its image's digest; the inventory need not.
fn resolver() -> Resolver {
    Arc::new(|path, reference| {
        let resolve = async move {
            let fetcher = Fetcher::new(vec![Box::new(ArchiveStore::new(path)) as Box<dyn Store>]);
            let request =
                ResolveRequest { references: vec![reference.to_string()], ..ResolveRequest::default() };
            let image = fetcher.resolve(&request).await.map_err(|error| error.to_string())?;
            let identity = image.identity;
            identity.manifest.or(identity.config).ok_or_else(|| "the image has no digest".to_owned())
        };
        resolve.boxed()
    })
}
