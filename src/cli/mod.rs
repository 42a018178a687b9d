//! The command line: one file per subcommand, each wiring the rooms below.

mod review;
mod serve;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::module::{VersionFault, check_label_value};

/// Koupleless modules on Kubernetes: plain manifests work, wrong ones say why.
#[derive(Debug, Parser)]
#[command(name = "warden", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Review(review::Review),
}

/// Runs one subcommand with the arguments of a command line, the first being the program's name.
///
/// Ends the process itself where the arguments are wrong, or ask for help.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::parse_from(arguments).command {
        Command::Serve(serve) => serve.run(),
        Command::Review(review) => review.run(),
    }
}

/// An environment as an argument: it becomes a label and the value of a taint.
fn environment(argument: &str) -> Result<String, VersionFault> {
    check_label_value(argument).map(|()| argument.to_owned())
}
