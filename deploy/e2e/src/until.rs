//! Waiting for what other processes do: asked again and again, until it is too late.

use anyhow::{Result, bail};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long anything may take on a busy machine of two cores. Nothing takes so long: it ends what
/// would otherwise wait for ever.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How long until asking again, at first: real processes give no signal that a test could await.
const PAUSE: Duration = Duration::from_millis(50);
/// And at last: what is asked is often a command, and what is waited for needs the processor, too.
const LONGEST: Duration = Duration::from_millis(300);

/// Ask until the answer is something; fail when [`PATIENCE`] is over, saying what was waited for and
/// which error was last seen.
///
/// # Errors
/// When the time is over.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    let (mut pause, mut last) = (PAUSE, String::new());
    while Instant::now() < deadline {
        match timeout_at(deadline, ask()).await {
            Ok(Ok(Some(answer))) => return Ok(answer),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => last = format!("; last error: {error:#}"),
            Err(_) => last = "; the last question was not answered".to_owned(),
        }
        sleep(pause).await;
        pause = LONGEST.min(pause * 5 / 4);
    }
    bail!("waited {PATIENCE:?} for {what}{last}")
}
