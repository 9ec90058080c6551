//! The OpenShift perceiver as a process of its own.

use api_chassis::memory::{self, Arenas};
use api_chassis::tls;
use clap::Parser;
use perceiver_kit::process;
use perceiver_openshift::{app, config::Flags};

fn main() -> anyhow::Result<()> {
    memory::keep_little(Arenas::One);
    run()
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    tls::install_crypto();
    let flags = Flags::parse();
    let run = |settings, shutdown| app::run(&flags, settings, shutdown);
    process::run(flags.settings()?, flags.cluster.shared.print_config, run).await
}
