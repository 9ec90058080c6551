//! The Docker perceiver as a process of its own.

use api_chassis::tls;
use clap::Parser;
use perceiver_docker::{app, config::Flags};
use perceiver_kit::process;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tls::install_crypto();
    let flags = Flags::parse();
    process::run(flags.settings()?, flags.shared.print_config, app::run).await
}
