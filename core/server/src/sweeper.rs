//! The sweeper: tells the model that time has passed.

use crate::engine::{Engine, EngineError};
use api_chassis::clock::Clock;
use api_chassis::shutdown::Shutdown;
use core_model::{Answer, Command};
use std::sync::Arc;
use std::time::Duration;

/// The longest time between two sweeps.
const LONGEST: Duration = Duration::from_secs(5);
/// The shortest.
const SHORTEST: Duration = Duration::from_millis(100);

/// Sweep whenever something falls due, until `shutdown` begins.
pub async fn run(engine: Engine, clock: Arc<dyn Clock>, shutdown: Shutdown) {
    let mut pause = Duration::ZERO;
    while shutdown.sleep(pause).await {
        pause = match engine.apply(Command::Sweep).await {
            Ok(Answer::Swept { next, opened }) => {
                if opened {
                    engine.work().notify_waiters();
                }
                next.map_or(LONGEST, |next| next.since(clock.now()).clamp(SHORTEST, LONGEST))
            }
            Ok(_) => LONGEST,
            Err(EngineError::Stopped) => return,
            Err(error) => {
                tracing::warn!(%error, "sweep not done");
                LONGEST
            }
        };
    }
}
