//! The perceiver put together: a cluster, a lease, a ledger, a core, and a door to look in.

use crate::cluster::{self, ClusterError};
use crate::config::{Flags, Settings, WatchSettings};
use crate::leader::Candidate;
use crate::metrics::KubernetesMetrics;
use crate::owners::{KubeReader, Served};
use crate::record::Told;
use crate::tell::{TellSettings, Teller, Writer};
use crate::watch::{Signs, Watch};
use anyhow::Context;
use api_chassis::clock::{Clock, SystemClock};
use api_chassis::door::Door;
use api_chassis::health::Latch;
use api_chassis::reload;
use api_chassis::shutdown::Shutdown;
use api_client::{Client, Retry};
use api_vocab::{SourceId, SourceKind, Timestamp};
use futures_util::future::{BoxFuture, OptionFuture};
use perceiver_kit::{Backoff, Outage, Sender, Sight, Vitals};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wildmatch::WildMatch;

/// From half a second to 15 seconds.
const PATIENCE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));

/// What is perceived beside what every cluster has, while this perceiver speaks for its source:
/// called as that begins, dropped when it ends.
pub type Beside = Box<dyn Fn(Term) -> BoxFuture<'static, ()> + Send + Sync>;

/// Makes what is perceived beside; what it shows of itself, it shows at the door.
pub type Preparation = Box<dyn FnOnce(&mut Door) -> Beside + Send>;

/// What a perceiver of one kind of cluster is made of.
pub struct Platform {
    /// What its sources are called.
    pub kind: SourceKind,
    /// What is written to beside what every cluster has.
    pub written: Vec<Served>,
    /// What is perceived beside.
    pub beside: Option<Preparation>,
}

impl Platform {
    /// Kubernetes, and nothing beside.
    pub const fn kubernetes() -> Self {
        Platform { kind: SourceKind::Kubernetes, written: Vec::new(), beside: None }
    }
}

/// What there is to work with while this perceiver speaks for its source.
pub struct Term {
    /// The cluster.
    pub cluster: kube::Client,
    /// The core.
    pub core: Client,
    /// What the cluster is called.
    pub source: SourceId,
    /// Where is written what is seen. Nothing is told before this call returns.
    pub sight: Sight<Told>,
    /// What of the cluster is looked at, whenever that changes.
    pub watched: watch::Receiver<WatchSettings>,
    /// Who writes into the cluster, at the pace of all that is written there.
    pub writer: Arc<Writer>,
    /// What is counted.
    pub metrics: KubernetesMetrics,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The end.
    pub shutdown: Shutdown,
}

/// Settings that were read again.
pub struct Again {
    /// Those of the watch, which are in force at once.
    pub watch: WatchSettings,
    /// Whether others have changed since the start, which are not.
    pub others: bool,
}

/// Perceive as the settings say until `shutdown` begins, serving health and metrics meanwhile; the
/// settings of the watch are read again when their file changes.
///
/// # Errors
/// A setting is wrong, or the address is taken.
pub async fn run(flags: &Flags, settings: Settings, shutdown: Shutdown) -> anyhow::Result<()> {
    let (again, begun) = (flags.clone(), settings.clone());
    let read = move || {
        let fresh = again.settings()?;
        Ok(Again { others: begun.differ_for_good(&fresh), watch: fresh.watch })
    };
    run_as(Platform::kubernetes(), settings, flags.file(), read, shutdown).await
}

/// The same for any platform; `read` reads the settings again when `file` changes.
///
/// # Errors
/// As [`run`].
pub async fn run_as(
    platform: Platform,
    settings: Settings,
    file: Option<PathBuf>,
    read: impl FnMut() -> anyhow::Result<Again>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let (renew, watched) = watch::channel(settings.watch.clone());
    let reloading = follow_file(file, read, renew, shutdown.clone());
    let (outcome, ()) = tokio::join!(perceive(platform, settings, watched, shutdown.clone()), reloading);
    outcome
}

async fn follow_file(
    file: Option<PathBuf>,
    mut read: impl FnMut() -> anyhow::Result<Again>,
    renew: watch::Sender<WatchSettings>,
    shutdown: Shutdown,
) {
    let Some(file) = file else { return };
    reload::watch(vec![file], reload::INTERVAL, shutdown, move || {
        let Again { watch: fresh, others } = read()?;
        if others {
            tracing::warn!(
                "settings have changed that are read at the start only; restart to have them in force"
            );
        }
        renew.send_if_modified(|current| std::mem::replace(current, fresh.clone()) != fresh);
        anyhow::Ok(())
    })
    .await;
}

/// Perceive until `shutdown` begins; `watched` are the settings of the watch, whenever they change.
///
/// # Errors
/// A setting is wrong, or the address is taken.
pub async fn perceive(
    platform: Platform,
    settings: Settings,
    watched: watch::Receiver<WatchSettings>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut door = Door::of("perceiver");
    let vitals = Vitals::at(&mut door);
    let seen = door.readiness().latch("platform", "not seen yet");
    let metrics = KubernetesMetrics::register(door.registry());
    let Platform { kind, written, beside } = platform;
    let beside = beside.map(|beside| beside(&mut door));
    let cluster = cluster::connect(&settings.cluster).await?;
    // The kit repeats by itself what is still true; the client must not repeat what was.
    let core = Client::new(&settings.core)?.with_retry(Retry::NEVER);
    let served = door.serve_health(&settings.http, shutdown.clone()).context("serve health and metrics")?;
    let perceiver = Perceiver {
        kind,
        written,
        beside,
        settings,
        watched,
        cluster,
        core,
        seen,
        vitals,
        metrics,
        shutdown,
    };
    let outcome = perceiver.run().await;
    perceiver.shutdown.begin();
    served.await??;
    outcome
}

/// Everything that a perceiver needs, connected.
struct Perceiver {
    kind: SourceKind,
    written: Vec<Served>,
    beside: Option<Beside>,
    settings: Settings,
    watched: watch::Receiver<WatchSettings>,
    cluster: kube::Client,
    core: Client,
    /// Open while the cluster is seen, or another perceiver sees it.
    seen: Latch,
    vitals: Vitals,
    metrics: KubernetesMetrics,
    shutdown: Shutdown,
}

impl Perceiver {
    async fn run(&self) -> anyhow::Result<()> {
        let Some(source) = self.identify().await? else { return Ok(()) };
        tracing::info!(%source, core = self.core.core(), "perceiving");
        if !self.settings.leader.enabled {
            self.metrics.leads(true);
            self.watch_and_tell(&source, self.shutdown.clone()).await;
            return Ok(());
        }
        // One identity for the life of the process: a lease that is still ours when the API server
        // is back is renewed at once, rather than waited for as another's.
        let (leader, clock) = (self.settings.leader.clone(), Arc::new(SystemClock));
        let mut candidate = Candidate::new(self.cluster.clone(), leader, &identity(), clock);
        while self.lead(&mut candidate, &source).await {}
        candidate.release().await;
        Ok(())
    }

    /// Which source the cluster is; waits for it to answer. None if shutdown begins first.
    async fn identify(&self) -> Result<Option<SourceId>, ClusterError> {
        let (mut backoff, mut outage) = (PATIENCE, Outage::default());
        let name = self.settings.cluster.name.as_deref();
        loop {
            let error = tokio::select! {
                source = cluster::identify(&self.cluster, self.kind, name) => match source {
                    Ok(source) => return Ok(Some(source)),
                    Err(error) if error.is_final() => return Err(error),
                    Err(error) => error,
                },
                () = self.shutdown.begun() => return Ok(None),
            };
            self.seen.close(error.to_string());
            if outage.begin(Timestamp::now(), error.kind()) {
                tracing::warn!(%error, "cluster not known; will keep trying");
            }
            if !self.shutdown.sleep(backoff.fail(rand::random())).await {
                return Ok(None);
            }
        }
    }

    /// One term: win the lease, perceive while it is ours. False once the process goes down.
    async fn lead(&self, candidate: &mut Candidate, source: &SourceId) -> bool {
        self.vitals.stand_by();
        if !candidate.win(&self.shutdown).await {
            return false;
        }
        self.vitals.begin();
        self.metrics.leads(true);
        let lost = tokio::select! {
            () = self.watch_and_tell(source, self.shutdown.clone()) => false,
            // Dropped, the sender says nothing more: another may be speaking already.
            () = candidate.keep() => true,
        };
        self.metrics.leads(false);
        lost
    }

    async fn watch_and_tell(&self, source: &SourceId, shutdown: Shutdown) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let send = self.settings.send.clone();
        let sender = Sender::new(self.core.clone(), source.clone(), send, Arc::clone(&clock));
        let sender = sender.showing(self.vitals.clone());
        let writer = Arc::new(self.writer());
        let beside = self.beside.as_ref().map(|beside| {
            beside(Term {
                cluster: self.cluster.clone(),
                core: self.core.clone(),
                source: source.clone(),
                sight: sender.sight(),
                watched: self.watched.clone(),
                writer: Arc::clone(&writer),
                metrics: self.metrics.clone(),
                clock: Arc::clone(&clock),
                shutdown: shutdown.clone(),
            })
        });
        let teller = self.teller(source, &clock, writer);
        let watch = Watch::new(
            self.cluster.clone(),
            self.watched.clone(),
            self.settings.owners.clone(),
            sender.sight(),
            clock,
            Signs { metrics: self.metrics.clone(), seen: self.seen.clone() },
        );
        let watch = watch.telling(teller.as_ref().map(Teller::telling));
        let telling = teller.map(|teller| teller.run(shutdown.clone()));
        tokio::join!(
            watch.run(shutdown.clone()),
            sender.run(shutdown.clone()),
            OptionFuture::from(beside),
            OptionFuture::from(telling)
        );
    }

    /// Whoever writes into the cluster: one, so that all of it together keeps to the pace.
    fn writer(&self) -> Writer {
        let kinds = self.settings.owners.kinds.iter().map(|kind| WildMatch::new(kind)).collect();
        let reader = Arc::new(KubeReader::new(self.cluster.clone(), kinds));
        let pace = self.settings.tell.writes_per_second;
        let writer = Writer::new(self.cluster.clone(), reader, pace, self.metrics.clone());
        self.written.iter().cloned().fold(writer, Writer::knowing)
    }

    /// None unless something is to be told to the cluster.
    fn teller(&self, source: &SourceId, clock: &Arc<dyn Clock>, writer: Arc<Writer>) -> Option<Teller> {
        let settings = Some(self.settings.tell.clone()).filter(TellSettings::is_on)?;
        let (core, source, metrics) = (self.core.clone(), source.clone(), self.metrics.clone());
        Some(Teller::new(core, source, settings, writer, (Arc::clone(clock), metrics), host()))
    }
}

/// Who we are among the candidates: the pod, and which of its lives.
fn identity() -> String {
    format!("{}-{:08x}", host(), rand::random::<u32>())
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}
