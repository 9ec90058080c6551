//! The Docker perceiver as a process of its own.

use anyhow::Context;
use api_chassis::{logs, shutdown::Shutdown, tls};
use clap::Parser;
use perceiver_docker::{app, config::Flags};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tls::install_crypto();
    let flags = Flags::parse();
    let settings = flags.settings()?;
    if flags.print_config {
        return flags.print(&settings);
    }
    logs::init(&settings.log)?;
    let shutdown = Shutdown::on_signals().context("listen to signals")?;
    app::run(settings, shutdown).await
}
