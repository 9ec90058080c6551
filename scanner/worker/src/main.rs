//! The scanner as a process of its own.

use anyhow::Context;
use api_chassis::config::{Layers, environment, render};
use api_chassis::logs;
use api_chassis::memory::{self, Arenas};
use api_chassis::shutdown::Shutdown;
use clap::Parser;
use scanner_worker::app;
use scanner_worker::config::ScannerSettings;
use std::io::Write;
use std::path::PathBuf;

const CONFIG_VARIABLE: &str = "PERCEPTOR_SCANNER_CONFIG";

/// Takes leases on images and reports what is inside them.
#[derive(Parser)]
#[command(version, about)]
struct Flags {
    /// Settings as a TOML, YAML or JSON file.
    #[arg(long, env = CONFIG_VARIABLE)]
    config: Option<PathBuf>,
    /// The core's address, as http://127.0.0.1:3001.
    #[arg(long)]
    core: Option<String>,
    /// The image-fetcher's unix socket.
    #[arg(long)]
    fetcher: Option<String>,
    /// Show the settings that hold, and end.
    #[arg(long)]
    print_config: bool,
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
    let layers = Layers::of("scanner").file(flags.config).environment(variables);
    let settings: ScannerSettings =
        layers.flag("core.core", flags.core).flag("fetcher", flags.fetcher).load()?;
    if flags.print_config {
        return Ok(writeln!(std::io::stdout(), "{}", render(&settings)?)?);
    }
    logs::init(&settings.log)?;
    let shutdown = Shutdown::on_signals().context("watch for signals")?;
    app::run(&settings, shutdown).await
}
