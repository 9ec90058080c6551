//! The schedule: when newer advisories are looked for.

use super::{Advisories, ImportError, Importer};
use crate::matcher::Matcher;
use api_chassis::shutdown::Shutdown;
use api_vocab::Family;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long new ecosystems are collected before their feeds are brought.
const GATHER: Duration = Duration::from_secs(2);
/// How long to wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(300);

/// Looks for newer advisories by the clock, and when the bell rings.
pub struct Schedule {
    /// Brings them.
    pub importer: Importer,
    /// Rings the bell.
    pub advisories: Advisories,
    /// Brings them into force.
    pub matcher: Matcher,
    /// How often.
    pub interval: Duration,
    /// Which ecosystems; none: those in use.
    pub families: BTreeSet<Family>,
}

impl Schedule {
    /// Work until `shutdown` begins.
    pub async fn run(mut self, shutdown: Shutdown) {
        loop {
            let pause = if self.look().await { jittered(self.interval) } else { AFTER_FAILURE };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.advisories.wanted() => {
                    if !shutdown.sleep(GATHER).await {
                        return;
                    }
                }
                () = shutdown.begun() => return,
            }
        }
    }

    async fn look(&mut self) -> bool {
        let families =
            if self.families.is_empty() { self.advisories.families() } else { self.families.clone() };
        match self.importer.import(&families).await {
            Ok(Some(index)) => {
                if index.revision() != self.advisories.index().revision() {
                    self.matcher.bring_into_force(index).await;
                }
                true
            }
            Ok(None) => true,
            Err(ImportError::NotBrought) => false,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "advisories not renewed");
                false
            }
        }
    }
}

/// Up to a tenth more or less, so that many cores do not ask at once.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.9..1.1))
}
