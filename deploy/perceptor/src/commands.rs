//! What each subcommand does.

mod advisories;
mod image;
mod list;
mod remote;
mod scan;
mod token;
mod up;
mod wait;

use crate::cli::{Cli, Command};
use anyhow::Result;
use api_chassis::logs::{self, LogFormat, LogSettings};
use clap::CommandFactory;
use std::io::Write;

/// How a run ended; the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0: done.
    Done,
    /// 1: `scan --fail-on` found something.
    Found,
}

/// Something that the caller should have said differently: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongInput(pub String);

/// The screen tells what happens; the log, on standard error, what `level` asks for.
fn logs_to_stderr(level: &str) -> Result<()> {
    let settings = LogSettings { level: level.to_owned(), format: LogFormat::Human };
    Ok(logs::init(&settings).map_err(|error| WrongInput(error.to_string()))?)
}

/// Do what the command line says, writing results to `out`.
///
/// # Errors
/// [`WrongInput`] when the caller can mend it; anything else is a failure.
pub async fn run(cli: Cli, out: &mut (dyn Write + Send)) -> Result<Outcome> {
    match cli.command {
        Command::Up(args) => up::run(args, out).await?,
        Command::Scan(args) => return scan::run(args, out).await,
        Command::Images(args) => list::images(&args, out).await?,
        Command::Pods(args) => list::pods(&args, out).await?,
        Command::Findings(args) => list::findings(&args, out).await?,
        Command::Packages(args) => list::packages(&args, out).await?,
        Command::Find(args) => list::places(&args, out).await?,
        Command::Sources(args) => list::sources(&args, out).await?,
        Command::Scanners(args) => list::scanners(&args, out).await?,
        Command::Events(args) => remote::events(&args, out).await?,
        Command::Wait(args) => wait::run(&args, out).await?,
        Command::Sbom(args) => remote::sbom(&args, out).await?,
        Command::Advisories(args) => advisories::run(args.command, out).await?,
        Command::Token(args) => token::run(&args, out)?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "perceptor", &mut &mut *out);
        }
    }
    Ok(Outcome::Done)
}
