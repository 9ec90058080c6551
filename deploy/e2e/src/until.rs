//! Waiting for what other processes do: asked again and again, until a deadline.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How long until asking again: real processes give no signal that a test could await.
const PAUSE: Duration = Duration::from_millis(50);

/// Ask until the answer is something; fail after `limit`, saying what was waited for and what was
/// last seen.
///
/// # Errors
/// When the deadline passes.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    let mut last = String::new();
    loop {
        match ask().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(error) => last = format!("; last error: {error:#}"),
        }
        if Instant::now() > deadline {
            bail!("waited {limit:?} for {what}{last}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
