//! The app: parts built from settings, started, and stopped.

use crate::advisories::{Advisories, FeedError, Feeds, Importer, Schedule, open_index};
use crate::config::{Config, SettingsError};
use crate::engine::{Engine, EventStream, Flight, Publisher, Writer};
use crate::http::{docs, v1, workloads};
use crate::keep::Keep;
use crate::matcher::{Matcher, Matching};
use crate::metrics::{CoreMetrics, FleetCollector};
use crate::service_accounts::ServiceAccounts;
use crate::state::Core;
use crate::sweeper;
use crate::work::{RandomBits, Work};
use actix_web::web::{Data, ServiceConfig};
use api_chassis::auth::{Authenticator, ExposureError, TokenFileError, TokenReviewer, check_exposure};
use api_chassis::clock::{Clock, SystemClock};
use api_chassis::health::{self, Readiness};
use api_chassis::http::{Listener, Served, bind, serve};
use api_chassis::metrics::{self as chassis_metrics, HttpLatency};
use api_chassis::reload;
use api_chassis::shutdown::Shutdown;
use api_chassis::tls::{Certificate, TlsError};
use core_advisories::IndexError;
use core_model::{Model, View};
use core_store::{MemoryStore, Options, SqliteStore, Store, StoreError};
use prometheus_client::registry::Registry;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// What the core is not to choose by itself.
#[derive(Clone)]
pub struct Surroundings {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where ids of leases come from.
    pub random: RandomBits,
    /// Says when to end.
    pub shutdown: Shutdown,
}

impl Default for Surroundings {
    fn default() -> Self {
        Surroundings {
            clock: Arc::new(SystemClock),
            random: Arc::new(rand::random::<u128>),
            shutdown: Shutdown::new(),
        }
    }
}

/// Why the core does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data folder cannot be used.
    #[error("use data folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The store cannot be used.
    #[error("open the store")]
    Store(#[from] StoreError),
    /// There are no advisories at all.
    #[error("open advisories")]
    Advisories(#[from] IndexError),
    /// Advisories cannot come from where the settings say.
    #[error("setting advisories.origin")]
    Origin(#[from] FeedError),
    /// The token file cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// Strangers would be let in.
    #[error(transparent)]
    Exposure(#[from] ExposureError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on, or a thread not be started.
    #[error("start the core")]
    Start(#[from] io::Error),
}

/// A core that is built and not started.
pub struct App {
    config: Config,
    core: Core,
    writer: Writer,
    publisher: Publisher,
    matching: Matching,
    schedule: Option<Schedule>,
    doors: Doors,
}

/// What the HTTP side needs besides the core.
#[derive(Clone)]
struct Doors {
    authenticator: Authenticator,
    certificate: Option<Certificate>,
    readiness: Readiness,
    registry: Arc<Registry>,
    latency: HttpLatency,
}

impl App {
    /// Build all parts: open the store, load what it knows. Nothing is started.
    pub fn build(config: Config, surroundings: Surroundings) -> Result<App, StartError> {
        config.check()?;
        let authenticator = authenticator(&config, &surroundings.clock)?;
        let certificate = config.tls().map(|files| Certificate::load(&files)).transpose()?;
        let store = open_store(&config)?;
        let advisories = Advisories::new(open_index(config.data_dir())?, has_feeds(&config));
        let (readiness, mut registry) = (Readiness::default(), chassis_metrics::registry("core"));
        let durable = readiness.latch("store", "not started yet");
        let metrics = CoreMetrics::register(&mut registry);
        let latency = HttpLatency::register(&mut registry);

        let snapshot = store.load()?;
        let stream = EventStream::after(snapshot.last_event);
        // The model's records are the view's: the snapshot is used up before the view is made.
        let model = Model::restore(config.model(), snapshot);
        let view = Arc::new(View::of(&model.snapshot()));
        let (engine, queue) = Engine::new();
        let Surroundings { clock, random, shutdown } = surroundings;
        let (matcher, matching) =
            Matcher::new(engine.clone(), Arc::clone(&view), advisories.clone(), metrics.clone());
        registry.register_collector(Box::new(FleetCollector {
            view: Arc::clone(&view),
            engine: engine.clone(),
            advisories: advisories.clone(),
            clock: Arc::clone(&clock),
        }));
        let schedule = schedule(&config, &clock, &advisories, &matcher, &metrics)?;
        let keep = Keep::new(&store);
        let (landed, landing) = std::sync::mpsc::channel();
        let flight = Arc::new(Flight::default());
        let writer = Writer {
            queue,
            model,
            settings: config.model(),
            store,
            clock: Arc::clone(&clock),
            flight: Arc::clone(&flight),
            landed,
            durable,
            stopped: false,
        };
        let publisher = Publisher {
            landed: landing,
            flight,
            view: Arc::clone(&view),
            stream: stream.clone(),
            work: Arc::clone(engine.work()),
            metrics: metrics.clone(),
        };
        let work = Work::new(engine.clone(), random, shutdown.clone());
        let core = Core {
            engine,
            work,
            view,
            stream,
            keep,
            advisories,
            matcher,
            metrics,
            clock,
            shutdown,
            thresholds: config.verdicts.thresholds()?,
            workload_metrics: Arc::new(config.workload_metrics.clone()),
        };
        let doors = Doors { authenticator, certificate, readiness, registry: Arc::new(registry), latency };
        Ok(App { config, core, writer, publisher, matching, schedule, doors })
    }

    /// Start everything and listen.
    pub async fn spawn(self) -> Result<Running, StartError> {
        let App { config, core, writer, publisher, matching, schedule, doors } = self;
        let (tcp, address) = bind(config.http.listen)?;
        let shutdown = core.shutdown.clone();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let publisher = thread("publisher").spawn(move || publisher.run())?;
        let writer = thread("writer").spawn(move || {
            writer.run();
            publisher.join()
        })?;
        let mut tasks = vec![
            tokio::spawn(matching.run(shutdown.clone())),
            tokio::spawn(sweeper::run(core.engine.clone(), Arc::clone(&core.clock), shutdown.clone())),
        ];
        core.matcher.match_everything();
        tasks.extend(schedule.map(|schedule| tokio::spawn(schedule.run(shutdown.clone()))));
        tasks.extend(watchers(&doors, &shutdown));
        let listener = match &doors.certificate {
            Some(certificate) => Listener::Tls(tcp, Box::new(certificate.server_config())),
            None => Listener::Tcp(tcp),
        };
        let secure = doors.certificate.is_some();
        let (latency, routed) = (doors.latency.clone(), core.clone());
        let served = serve(listener, &config.http, latency, shutdown, move |service| {
            routes(service, &routed, &doors);
        })?;
        tracing::info!(%address, tls = secure, "core listens");
        Ok(Running { address, secure, core, served, writer, tasks, drain: config.http.drain_seconds })
    }
}

fn routes(config: &mut ServiceConfig, core: &Core, doors: &Doors) {
    config
        .app_data(Data::new(core.clone()))
        .app_data(Data::new(doors.authenticator.clone()))
        .configure(health::routes(doors.readiness.clone()))
        .configure(chassis_metrics::routes(Arc::clone(&doors.registry)))
        .configure(workloads::routes)
        .configure(docs::routes)
        .configure(v1::routes);
}

fn authenticator(config: &Config, clock: &Arc<dyn Clock>) -> Result<Authenticator, StartError> {
    let file = Some(config.token_file.clone()).filter(|path| !path.as_os_str().is_empty());
    let reviewer = ServiceAccounts::of(&config.service_accounts, Arc::clone(clock))?;
    let reviewer = reviewer.map(|reviewer| Arc::new(reviewer) as Arc<dyn TokenReviewer>);
    let authenticator = Authenticator::new(file, reviewer)?;
    if authenticator.is_open() {
        tracing::warn!("no tokens are configured: listening on loopback only, everyone there is an admin");
    }
    check_exposure(config.http.listen, !authenticator.is_open())?;
    Ok(authenticator)
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let Some(folder) = config.data_dir() else {
        tracing::warn!("no data folder is configured: nothing outlives this process");
        return Ok(Arc::new(MemoryStore::default()));
    };
    std::fs::create_dir_all(folder).map_err(|cause| StartError::Folder { path: folder.to_owned(), cause })?;
    Ok(Arc::new(SqliteStore::open(&folder.join("perceptor.db"), Options::default())?))
}

/// Feeds need a folder to be kept in.
fn has_feeds(config: &Config) -> bool {
    config.data_dir().is_some() && !config.advisories.origin.is_empty()
}

fn schedule(
    config: &Config,
    clock: &Arc<dyn Clock>,
    advisories: &Advisories,
    matcher: &Matcher,
    metrics: &CoreMetrics,
) -> Result<Option<Schedule>, StartError> {
    let Some(folder) = config.data_dir().filter(|_| has_feeds(config)) else { return Ok(None) };
    let origin = config.advisories.origin.parse()?;
    let feeds = match Feeds::new(origin, folder.join("feeds"), config.advisories.max_feed_bytes) {
        Ok(feeds) => feeds,
        // What is kept or compiled in still serves.
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "advisories are not fetched");
            return Ok(None);
        }
    };
    Ok(Some(Schedule {
        importer: Importer::new(feeds, folder, Arc::clone(clock), metrics.clone()),
        advisories: advisories.clone(),
        matcher: matcher.clone(),
        interval: Duration::from_secs(config.advisories.interval_seconds),
        families: config.families()?,
    }))
}

/// Tasks that read tokens and certificate again when their files change.
fn watchers(doors: &Doors, shutdown: &Shutdown) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    if !doors.authenticator.is_open() {
        let authenticator = doors.authenticator.clone();
        let files = authenticator.files();
        let reload = move || authenticator.reload();
        tasks.push(tokio::spawn(reload::watch(files, reload::INTERVAL, shutdown.clone(), reload)));
    }
    if let Some(certificate) = doors.certificate.clone() {
        let files = certificate.files();
        let reload = move || certificate.reload();
        tasks.push(tokio::spawn(reload::watch(files, reload::INTERVAL, shutdown.clone(), reload)));
    }
    tasks
}

/// A core that runs.
pub struct Running {
    address: SocketAddr,
    secure: bool,
    core: Core,
    served: Served,
    writer: std::thread::JoinHandle<std::thread::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
    drain: u64,
}

impl Running {
    /// Where it listens, with its real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL without a path.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }

    /// The core itself, for those in the same process.
    pub const fn core(&self) -> &Core {
        &self.core
    }

    /// Begin to end, and wait until everything has: requests are answered, changes durable.
    pub async fn stop(self) -> io::Result<()> {
        self.core.shutdown.begin();
        self.ended().await
    }

    /// Wait until it has ended, by its shutdown or because its heart stopped.
    pub async fn ended(self) -> io::Result<()> {
        let Running { core, served, writer, tasks, drain, .. } = self;
        let outcome = served.await.map_err(io::Error::other)?;
        let deadline = Duration::from_secs(drain);
        core.shutdown.begin();
        core.engine.stop().await;
        for mut task in tasks {
            if tokio::time::timeout(deadline, &mut task).await.is_err() {
                task.abort();
            }
        }
        tokio::task::spawn_blocking(move || writer.join())
            .await
            .map_err(io::Error::other)?
            .flatten()
            .map_err(|_| io::Error::other("the writer or the publisher died"))?;
        outcome
    }
}
