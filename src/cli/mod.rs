//! The command line: one file per subcommand, each wiring the rooms below.

mod review;
mod serve;
mod settings;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use settings::SettingsArgs;

/// Koupleless modules on Kubernetes: plain manifests work, wrong ones say why, and every base carries its peer modules.
#[derive(Debug, Parser)]
#[command(name = "warden", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
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
