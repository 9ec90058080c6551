//! The scanner as a whole: registers, works in several lanes, drains.

use crate::lane::Lane;
use crate::memory::Memory;
use crate::metrics::ScannerMetrics;
use crate::observer::ScanObserver;
use crate::pause::Patience;
use crate::pressure::Pressure;
use crate::reach::reach;
use api_chassis::shutdown::{Shutdown, drain};
use api_client::{Advice, Client, ClientError};
use api_vocab::{Digest, ScannerName};
use api_wire::image_source::{FetchError, ImageSource};
use api_wire::lease::{Lease, LeaseRequest};
use api_wire::scanner::ScannerRegistration;
use scanner_engines::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long the list of what the stores hold is believed.
const HOLDS_KEPT: Duration = Duration::from_secs(15);
/// The core takes no more.
const MAX_HOLDS: usize = 10_000;
/// How long a fetcher may take to say how it is.
const HEALTH_WAIT: Duration = Duration::from_secs(5);
/// How long telling the core of leases given back may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a scanner is made of.
pub struct ScannerParts {
    /// The core.
    pub client: Client,
    /// Where images come from.
    pub source: Arc<dyn ImageSource>,
    /// What makes inventories.
    pub engine: Arc<dyn Engine>,
    /// Who is told.
    pub observer: Arc<dyn ScanObserver>,
    /// What scans may use.
    pub memory: Memory,
    /// What else the node has to do.
    pub pressure: Pressure,
    /// What is counted.
    pub metrics: ScannerMetrics,
    /// How long is waited for what.
    pub patience: Patience,
    /// Its name among those of the core.
    pub name: ScannerName,
    /// What it says of itself; of registries, until its source says more.
    pub registration: ScannerRegistration,
    /// How long scans may go on after shutdown has begun; then they are given back.
    pub drain: Duration,
}

/// A scanner.
pub struct Scanner {
    pub(crate) parts: ScannerParts,
    holds: Mutex<Option<(Instant, Vec<Digest>)>>,
    /// What the core was told of registries.
    registry: Mutex<Option<bool>>,
    pub(crate) core: Outage,
    pub(crate) fetcher: Outage,
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The fetcher is away: a lease would only burn one of the image's attempts.
    #[error("{0}")]
    Fetcher(FetchError),
    /// The core is away, or refuses.
    #[error("{0}")]
    Core(ClientError),
}

impl Scanner {
    /// A scanner that does nothing yet.
    pub fn new(parts: ScannerParts) -> Self {
        Scanner {
            registry: Mutex::new(parts.registration.registry),
            parts,
            holds: Mutex::new(None),
            core: Outage::new("the core does not give work", "the core gives work again"),
            fetcher: Outage::new("the image-fetcher does not answer", "the image-fetcher answers again"),
        }
    }

    /// Work until `shutdown` begins; then finish what is under way, or give it back.
    pub async fn run(self, shutdown: Shutdown) {
        let scanner = Arc::new(self);
        if !scanner.register_at_last(&shutdown).await {
            return;
        }
        let give_back = CancellationToken::new();
        let mut lanes = JoinSet::new();
        for _ in 0..scanner.parts.registration.max_leases.max(1) {
            let lane = Lane::new(Arc::clone(&scanner), shutdown.clone(), give_back.clone());
            lanes.spawn(lane.run());
        }
        shutdown.begun().await;
        if drain(ended(&mut lanes), scanner.parts.drain).await.is_none() {
            give_back.cancel();
            drain(ended(&mut lanes), FAREWELL).await;
        }
    }

    /// Register, however long the core is away; false if the process went down meanwhile.
    async fn register_at_last(&self, shutdown: &Shutdown) -> bool {
        let mut failures = 0;
        loop {
            match self.register().await {
                Ok(()) => return true,
                Err(error) => self.core.begun(&error),
            }
            if !shutdown.sleep(self.parts.patience.after_failure(failures)).await {
                return false;
            }
            failures += 1;
        }
    }

    pub(crate) async fn register(&self) -> Result<(), ClientError> {
        let mut told = self.registry.lock().await;
        let registry = self.reach(*told).await;
        let registration = ScannerRegistration { registry, ..self.parts.registration.clone() };
        self.parts.client.register(&self.parts.name, &registration).await?;
        *told = registry;
        tracing::info!(scanner = %self.parts.name, "scanner registered");
        Ok(())
    }

    /// Whether registries are reached, as the source says now; `told` if it says nothing.
    async fn reach(&self, told: Option<bool>) -> Option<bool> {
        let health = tokio::time::timeout(HEALTH_WAIT, self.parts.source.health()).await;
        reach(&health.unwrap_or_default(), self.parts.registration.node.is_some(), told)
    }

    /// Register again if the core was told something else of registries.
    async fn correct(&self) -> Result<(), ClientError> {
        let told = *self.registry.lock().await;
        if self.reach(told).await == told { Ok(()) } else { self.register().await }
    }

    /// Ask for work, naming what the stores hold.
    pub(crate) async fn ask(&self) -> Result<Option<Lease>, AskError> {
        let (holds, is_new) = self.held().await.map_err(AskError::Fetcher)?;
        if is_new {
            self.correct().await.map_err(AskError::Core)?;
        }
        let request = LeaseRequest {
            scanner: self.parts.name.clone(),
            holds,
            wait_seconds: self.parts.patience.lease_wait_seconds,
        };
        self.parts.client.ask_lease(&request).await.map_err(AskError::Core)
    }

    /// What the stores hold, and whether they were asked just now.
    async fn held(&self) -> Result<(Vec<Digest>, bool), FetchError> {
        let mut known = self.holds.lock().await;
        if let Some((since, digests)) = &*known
            && since.elapsed() < HOLDS_KEPT
        {
            return Ok((digests.clone(), false));
        }
        *known = None;
        let mut digests = self.parts.source.holds().await?.digests;
        digests.truncate(MAX_HOLDS);
        *known = Some((Instant::now(), digests.clone()));
        Ok((digests, true))
    }

    /// After a failed fetch: what the stores hold is asked anew before the next lease.
    pub(crate) async fn forget_holds(&self) {
        *self.holds.lock().await = None;
    }
}

async fn ended(lanes: &mut JoinSet<()>) {
    while lanes.join_next().await.is_some() {}
}

impl AskError {
    /// Whether the core does not know this scanner (any more).
    pub(crate) fn is_unregistered(&self) -> bool {
        use api_wire::error::ErrorCode::Conflict;
        matches!(self, AskError::Core(error) if error.code() == Some(Conflict))
    }

    /// Whether waiting will not help, so that people must be told loudly.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, AskError::Core(error) if error.advice() == Advice::GiveUp)
    }
}

/// Something that is away or not, logged once when it changes.
pub(crate) struct Outage {
    begun: &'static str,
    ended: &'static str,
    is_on: AtomicBool,
}

impl Outage {
    fn new(begun: &'static str, ended: &'static str) -> Self {
        Outage { begun, ended, is_on: AtomicBool::new(false) }
    }

    pub(crate) fn begun(&self, error: &dyn std::fmt::Display) {
        if !self.is_on.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "{}", self.begun);
        }
    }

    pub(crate) fn ended(&self) {
        if self.is_on.swap(false, Ordering::Relaxed) {
            tracing::info!("{}", self.ended);
        }
    }
}
