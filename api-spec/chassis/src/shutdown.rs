//! Shutdown: one token that SIGTERM or SIGINT cancels, and a drain with a deadline.

use std::future::Future;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The one token of a process; clones are the same token.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A token that only [`Shutdown::begin`] cancels.
    pub fn new() -> Self {
        Shutdown::default()
    }

    /// A token that SIGTERM or SIGINT cancels. A second signal ends the process at once.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Shutdown::new();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(watch(shutdown.clone(), terminate, interrupt));
        Ok(shutdown)
    }

    /// Cancel the token.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Whether the process is going down.
    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Wait until the process is going down.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }

    /// The token itself, for tasks that hand it on.
    pub fn token(&self) -> &CancellationToken {
        &self.0
    }

    /// Wait for `duration`; false if the process went down meanwhile.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(duration) => true,
            () = self.begun() => false,
        }
    }
}

async fn watch(shutdown: Shutdown, mut terminate: Signal, mut interrupt: Signal) {
    next(&mut terminate, &mut interrupt).await;
    tracing::info!("shutting down");
    shutdown.begin();
    next(&mut terminate, &mut interrupt).await;
    std::process::exit(130);
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Wait for `work` to end, at most `deadline`; `None` if it had to be left.
pub async fn drain<F: Future>(work: F, deadline: Duration) -> Option<F::Output> {
    match tokio::time::timeout(deadline, work).await {
        Ok(output) => Some(output),
        Err(_) => {
            tracing::warn!(deadline_seconds = deadline.as_secs(), "drain deadline passed");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shutdown_begun_wakes_every_clone() {
        let shutdown = Shutdown::new();
        let waiter = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begun().await }
        });
        shutdown.begin();
        waiter.await.unwrap();
        assert!(shutdown.has_begun());
        assert!(!shutdown.sleep(Duration::from_secs(3600)).await);
    }

    #[tokio::test]
    async fn drain_of_endless_work_ends_at_the_deadline() {
        assert_eq!(drain(async { 7 }, Duration::from_secs(60)).await, Some(7));
        assert_eq!(drain(std::future::pending::<()>(), Duration::from_millis(1)).await, None);
    }
}
