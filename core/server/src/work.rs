//! Work for scanners: granting leases, waiting where there is nothing to grant.

use crate::engine::{Engine, EngineError};
use api_chassis::shutdown::Shutdown;
use api_vocab::{Digest, LeaseId, ScannerName};
use core_model::{Answer, Command, Grant};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Where ids of leases come from: 128 random bits a call.
pub type RandomBits = Arc<dyn Fn() -> u128 + Send + Sync>;

/// Hands out leases.
#[derive(Clone)]
pub struct Work {
    engine: Engine,
    random: RandomBits,
    shutdown: Shutdown,
}

impl Work {
    /// Leases of `engine`, until `shutdown` begins.
    pub fn new(engine: Engine, random: RandomBits, shutdown: Shutdown) -> Self {
        Work { engine, random, shutdown }
    }

    /// A lease for `scanner`, waiting up to `wait` for an image to be queued.
    pub async fn ask(
        &self,
        scanner: ScannerName,
        holds: Vec<Digest>,
        wait: Duration,
    ) -> Result<Option<Box<Grant>>, EngineError> {
        let deadline = Instant::now() + wait;
        loop {
            // Listening begins before asking, so that nothing queued in between goes unheard.
            let mut queued = std::pin::pin!(self.engine.work().notified());
            queued.as_mut().enable();
            let granted = self.grant(&scanner, &holds).await?;
            if granted.is_some() || Instant::now() >= deadline {
                return Ok(granted);
            }
            tokio::select! {
                () = queued => {}
                () = tokio::time::sleep_until(deadline) => return Ok(None),
                () = self.shutdown.begun() => return Ok(None),
            }
        }
    }

    async fn grant(
        &self,
        scanner: &ScannerName,
        holds: &[Digest],
    ) -> Result<Option<Box<Grant>>, EngineError> {
        let command = Command::Lease {
            scanner: scanner.clone(),
            holds: holds.to_vec(),
            id: LeaseId::from_bits((self.random)()),
        };
        match self.engine.apply(command).await? {
            Answer::Lease(grant) => Ok(grant),
            _ => Err(EngineError::Mismatched("a question for work")),
        }
    }
}
