//! The Docker perceiver as a process of its own.

use api_chassis::memory::{self, Arenas};
use api_chassis::tls;
use clap::Parser;
use perceiver_docker::{app, config::Flags};
use perceiver_kit::process;

fn main() -> anyhow::Result<()> {
    memory::keep_little(Arenas::One);
    run()
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    tls::install_crypto();
    let flags = Flags::parse();
    process::run(flags.settings()?, flags.shared.print_config, app::run).await
}
