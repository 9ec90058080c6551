//! perceptor-core: the core as a process of its own.

use anyhow::Context;
use api_chassis::auth::{Caller, Role, Token};
use api_chassis::config::{Layers, environment};
use api_chassis::memory::{self, Arenas};
use api_chassis::shutdown::Shutdown;
use api_chassis::{logs, tls};
use clap::{Parser, Subcommand};
use core_server::{App, Config, Surroundings};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Knows what runs, what is in it, and what is wrong with it.
#[derive(Debug, Parser)]
#[command(name = "perceptor-core", version)]
struct Flags {
    /// Settings: a .toml, .yaml or .json file.
    #[arg(long, env = "PERCEPTOR_CORE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port, as 127.0.0.1:3001.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Folder for everything that is kept.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// File of tokens, a line each: role, SHA-256, name, sources.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Show the settings in force and end.
    #[arg(long)]
    print_config: bool,
    #[command(subcommand)]
    command: Option<Subcommands>,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Make a token: it is shown once; the line goes into the token file.
    Token {
        /// perceiver, scanner, reader or admin.
        role: Role,
        /// Whose it is, as the log will say.
        name: String,
        /// A source that a perceiver speaks for, as kubernetes/prod-eu; without: for all. May be repeated.
        #[arg(long)]
        source: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    memory::keep_little(Arenas::Few);
    let flags = Flags::parse();
    if let Some(Subcommands::Token { role, name, source }) = flags.command {
        let owner = Caller::new(name, role).speaking_for(source.iter().map(String::as_str));
        return make_token(&owner.map_err(anyhow::Error::msg)?);
    }
    let config = Config::load(&layers(&flags))?;
    if flags.print_config {
        return say(&config.print()?);
    }
    logs::init(&config.log)?;
    tls::install_crypto();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start threads")?;
    runtime.block_on(async {
        let surroundings = Surroundings {
            shutdown: Shutdown::on_signals().context("listen for signals")?,
            ..Default::default()
        };
        App::build(config, surroundings)?.spawn().await?.ended().await.context("serve")
    })
}

fn layers(flags: &Flags) -> Layers {
    // The name of the file itself is no setting.
    let variables = environment().filter(|(name, _)| name != "PERCEPTOR_CORE_CONFIG");
    Layers::of("core")
        .file(flags.config.clone())
        .environment(variables)
        .flag("http.listen", flags.listen)
        .flag("data_dir", flags.data_dir.as_ref().map(|path| path.display()))
        .flag("token_file", flags.token_file.as_ref().map(|path| path.display()))
}

fn make_token(owner: &Caller) -> anyhow::Result<()> {
    let token = Token::generate(rand::random());
    say(&format!("token: {}\nline:  {}", token.secret().reveal(), token.line(owner)))
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("write to standard output")
}
