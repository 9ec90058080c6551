//! A lane: asks for a lease, works on it, asks again.

use crate::error::ScanError;
use crate::heartbeat;
use crate::lease::{Held, LeasedScan};
use crate::observer::ScanEvent;
use crate::scanner::{AskError, Scanner};
use api_chassis::shutdown::Shutdown;
use api_wire::lease::Lease;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long to wait before looking for memory again.
const MEMORY_WAIT: Duration = Duration::from_secs(5);
/// How long an answer of the core may be on its way when shutdown begins.
const LAST_ANSWER: Duration = Duration::from_secs(1);
/// How long forgetting an image may take.
const RELEASE: Duration = Duration::from_secs(5);

/// One of a scanner's lanes; each holds one lease at a time.
pub(crate) struct Lane {
    scanner: Arc<Scanner>,
    shutdown: Shutdown,
    give_back: CancellationToken,
    failures: u32,
}

impl Lane {
    pub(crate) fn new(scanner: Arc<Scanner>, shutdown: Shutdown, give_back: CancellationToken) -> Self {
        Lane { scanner, shutdown, give_back, failures: 0 }
    }

    /// Work until shutdown begins.
    pub(crate) async fn run(mut self) {
        while !self.shutdown.has_begun() {
            if self.scanner.parts.memory.is_short() {
                tracing::warn!("memory is short; no work is taken");
                self.shutdown.sleep(MEMORY_WAIT).await;
                continue;
            }
            let parts = &self.scanner.parts;
            if parts.pressure.holds_back(&parts.metrics) {
                self.shutdown.sleep(parts.patience.pressure_wait).await;
                continue;
            }
            let scanner = Arc::clone(&self.scanner);
            let (asked, mut asking) = (Instant::now(), pin!(scanner.ask()));
            tokio::select! {
                () = self.shutdown.begun() => return self.take_the_last(asking).await,
                answer = &mut asking => self.take(answer, asked.elapsed()).await,
            }
        }
    }

    /// A lease that is on its way would be nobody's until it expires.
    async fn take_the_last(&self, asking: impl Future<Output = Result<Option<Lease>, AskError>>) {
        if let Ok(Ok(Some(lease))) = tokio::time::timeout(LAST_ANSWER, asking).await {
            self.work(&lease).await;
        }
    }

    async fn take(&mut self, answer: Result<Option<Lease>, AskError>, took: Duration) {
        match answer {
            Ok(lease) => {
                self.failures = 0;
                self.scanner.core.ended();
                self.scanner.fetcher.ended();
                match lease {
                    Some(lease) => self.work(&lease).await,
                    None => self.breathe(took).await,
                }
            }
            Err(error) if error.is_unregistered() => {
                if let Err(error) = self.scanner.register().await {
                    self.pause(&AskError::Core(error)).await;
                }
            }
            Err(error) => self.pause(&error).await,
        }
    }

    /// A core that says "nothing" at once is not asked again at once.
    async fn breathe(&self, took: Duration) {
        let least = self.scanner.parts.patience.first;
        if took < least {
            self.shutdown.sleep(least).await;
        }
    }

    async fn pause(&mut self, error: &AskError) {
        match error {
            AskError::Fetcher(_) => self.scanner.fetcher.begun(error),
            AskError::Core(_) if error.is_refusal() => {
                tracing::error!(%error, "the core refuses this scanner")
            }
            AskError::Core(_) => self.scanner.core.begun(error),
        }
        self.shutdown.sleep(self.scanner.parts.patience.after_failure(self.failures)).await;
        self.failures += 1;
    }

    /// Work on one lease, whatever happens.
    async fn work(&self, lease: &Lease) {
        let parts = &self.scanner.parts;
        let begun = Instant::now();
        parts.metrics.begun();
        let held = Held::default();
        let scan = AssertUnwindSafe(LeasedScan::new(parts, lease, &held).run()).catch_unwind();
        let outcome = tokio::select! {
            biased;
            () = self.give_back.cancelled() => Err(ScanError::GivenBack),
            () = heartbeat::keep(&parts.client, lease.id, lease.expires_in_seconds) => Err(ScanError::LeaseLost),
            outcome = scan => outcome.unwrap_or_else(|_| Err(ScanError::Bug("the scan panicked".to_owned()))),
        };
        parts.metrics.ended(&outcome, begun.elapsed());
        self.conclude(lease, outcome).await;
        for handle in held.take() {
            // A fetcher that is away forgets by itself.
            let _ = tokio::time::timeout(RELEASE, parts.source.release(&handle)).await;
        }
    }

    async fn conclude(&self, lease: &Lease, outcome: Result<(), ScanError>) {
        let parts = &self.scanner.parts;
        let image = lease.image.to_string();
        let Err(error) = outcome else {
            tracing::info!(lease = %lease.id, image, "image scanned");
            return;
        };
        parts.observer.observe(&image, ScanEvent::Failed(&error));
        if matches!(error, ScanError::LeaseLost) {
            tracing::info!(lease = %lease.id, image, "lease lost; scan abandoned");
            return;
        }
        tracing::warn!(lease = %lease.id, image, %error, "scan failed");
        if matches!(error, ScanError::Fetch(_) | ScanError::Cut) {
            self.scanner.forget_holds().await;
        }
        if let Err(error) = parts.client.fail(lease.id, &error.failure()).await {
            tracing::info!(lease = %lease.id, %error, "failure not reported; the lease will expire");
        }
    }
}
