//! A perceiver as a process of its own: cryptography, settings, logs, signals, and the perceiver.

use anyhow::Context;
use api_chassis::config;
use api_chassis::logs::{self, LogSettings};
use api_chassis::shutdown::Shutdown;
use serde::Serialize;
use std::io::Write;

/// Settings of a perceiver.
pub trait ProcessSettings: Serialize {
    /// What is logged.
    fn log(&self) -> &LogSettings;
}

/// Run `app` until it ends or a signal comes; or only show the settings.
///
/// # Errors
/// Those of `app`; logs or signals cannot be had.
pub async fn run<S, F>(
    settings: S,
    print_only: bool,
    app: impl FnOnce(S, Shutdown) -> F,
) -> anyhow::Result<()>
where
    S: ProcessSettings,
    F: Future<Output = anyhow::Result<()>>,
{
    if print_only {
        let text = config::render(&settings).context("render the settings")?;
        return writeln!(std::io::stdout(), "{text}").context("print the settings");
    }
    logs::init(settings.log())?;
    let shutdown = Shutdown::on_signals().context("listen to signals")?;
    app(settings, shutdown).await
}
