//! Tests of the command line as a whole.

use super::*;
use clap::CommandFactory;

#[test]
fn command_line_is_free_of_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn every_subcommand_shows_an_example() {
    for command in Cli::command().get_subcommands_mut().filter(|c| c.get_name() != "advisories") {
        let help = command.render_long_help().to_string();
        assert!(help.contains("Example"), "{} shows no example", command.get_name());
    }
}
