//! `perceptor`: reads the command line, runs it, turns the outcome into an exit code.
//!
//! 0 done, 1 `scan --fail-on` found something, 2 wrong input, 3 something failed.

use api_client::ClientError;
use api_wire::error::ErrorCode;
use clap::Parser;
use perceptor::commands::{self, Outcome, WrongInput};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    api_chassis::tls::install_crypto();
    let cli = perceptor::cli::Cli::parse();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(commands::run(cli, &mut std::io::stdout())));
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) => complain(&error),
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    // A reader that has seen enough (`| head`) is no failure.
    let closed = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    if closed == Some(std::io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(std::io::stderr(), "perceptor: {error:#}");
    // The core may be the one to notice what was wrong.
    let refused = error.downcast_ref::<ClientError>().and_then(ClientError::code);
    let wrong = error.is::<WrongInput>() || matches!(refused, Some(ErrorCode::Invalid | ErrorCode::NotFound));
    ExitCode::from(if wrong { 2 } else { 3 })
}
