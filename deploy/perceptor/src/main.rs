//! `perceptor`: reads the command line, runs it, turns the outcome into an exit code.
//!
//! 0 done, 1 `scan --fail-on` found something, 2 wrong input, 3 something failed.

use api_chassis::memory::{self, Arenas};
use api_client::ClientError;
use api_wire::error::ErrorCode;
use clap::Parser;
use perceptor::commands::{self, Outcome, WrongInput};
use perceptor::output;
use scanner_worker::ScanError;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    memory::keep_little(Arenas::Few);
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
    let client = error.downcast_ref::<ClientError>();
    let story = story(error);
    let hint = client.map_or("", |client| hint(client, &story));
    let _ = writeln!(std::io::stderr(), "perceptor: {}{hint}", output::plain(&story));
    let wrong = error.is::<WrongInput>() || client.is_some_and(is_callers) || is_absent(error);
    ExitCode::from(if wrong { 2 } else { 3 })
}

/// What went wrong and why. A cause that was told already is not told again, and what a client of
/// the core says is whole.
fn story(error: &anyhow::Error) -> String {
    let mut story = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !story.contains(&text) {
            let colon = if story.is_empty() { "" } else { ": " };
            story = format!("{story}{colon}{text}");
        }
        if cause.is::<ClientError>() {
            break;
        }
    }
    story
}

/// What a person can do about a core that does not let them in or cannot be understood.
fn hint(error: &ClientError, story: &str) -> &'static str {
    match error {
        _ if error.code() == Some(ErrorCode::Unauthenticated) => {
            "; --token-file names the file that holds a token"
        }
        ClientError::Unreachable { .. } if story.contains("peer certificate") => {
            "; --ca-file names the file with the authority that vouches for the core"
        }
        ClientError::Unreachable { .. } if story.contains("InvalidContentType") => {
            "; does it speak http:// and not https://?"
        }
        ClientError::Unreachable { .. } if story.contains("HTTP version") => {
            "; does it speak https:// and not http://?"
        }
        _ => "",
    }
}

/// Whether the caller can mend it: the core may be the one to notice what was wrong.
fn is_callers(error: &ClientError) -> bool {
    matches!(error, ClientError::Settings { .. } | ClientError::File { .. })
        || matches!(error.code(), Some(ErrorCode::Invalid | ErrorCode::NotFound))
}

/// Whether what was to be scanned is not there.
fn is_absent(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<ScanError>() {
        Some(ScanError::Fetch(error)) => matches!(error.code, ErrorCode::Invalid | ErrorCode::NotFound),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use api_wire::image_source::FetchError;

    #[test]
    fn image_that_is_not_there_is_wrong_input_and_a_registry_that_is_away_is_not() {
        for (code, wrong) in
            [(ErrorCode::NotFound, true), (ErrorCode::Invalid, true), (ErrorCode::Unavailable, false)]
        {
            let error = ScanError::Fetch(FetchError::new(code, "registry.example does not have a/b:1"));
            let error = Err::<(), _>(error).context("scan a/b:1").unwrap_err();
            assert_eq!(is_absent(&error), wrong, "{code:?}");
        }
    }

    #[test]
    fn story_tells_each_cause_once() {
        let error = anyhow::anyhow!("x.tar ends early").context("fetch the image: x.tar ends early");
        assert_eq!(story(&error.context("scan x.tar")), "scan x.tar: fetch the image: x.tar ends early");
    }
}
