//! The image-fetcher as a process of its own.

use anyhow::Context;
use api_chassis::config::{Layers, environment, render};
use api_chassis::logs;
use api_chassis::memory::{self, Arenas};
use api_chassis::shutdown::Shutdown;
use clap::Parser;
use image_fetcher::config::FetcherSettings;
use image_fetcher::{Fetcher, app, check};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

const CONFIG_VARIABLE: &str = "PERCEPTOR_IMAGE_FETCHER_CONFIG";

/// Brings images' layers within a scanner's reach; the only part that may use an engine's socket.
#[derive(Parser)]
#[command(version, about)]
struct Flags {
    /// Settings as a TOML, YAML or JSON file.
    #[arg(long, env = CONFIG_VARIABLE)]
    config: Option<PathBuf>,
    /// The unix socket to serve on.
    #[arg(long)]
    socket: Option<String>,
    /// Show the settings that hold, and end.
    #[arg(long)]
    print_config: bool,
    /// Ask the fetcher that runs with these settings whether it is well, and end.
    #[arg(long)]
    check: bool,
}

fn main() -> anyhow::Result<()> {
    memory::keep_little(Arenas::One);
    run()
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    let flags = Flags::parse();
    // The name of the file itself is no setting.
    let variables = environment().filter(|(name, _)| name != CONFIG_VARIABLE);
    let layers = Layers::of("image-fetcher").file(flags.config).environment(variables);
    let settings: FetcherSettings = layers.flag("socket", flags.socket).load()?;
    if flags.print_config {
        return Ok(writeln!(std::io::stdout(), "{}", render(&settings)?)?);
    }
    if flags.check {
        return check::check(&settings.socket).await;
    }
    logs::init(&settings.log)?;
    let shutdown = Shutdown::on_signals().context("watch for signals")?;
    let fetcher: Arc<Fetcher> = Arc::new(app::build(&settings).await?);
    let served = app::start(&settings, fetcher, shutdown)?;
    tracing::info!(socket = %settings.socket.display(), "image-fetcher serves");
    served.await??;
    Ok(())
}
