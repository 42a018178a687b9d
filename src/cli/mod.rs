//! The command line: one file per subcommand, each wiring the rooms below.

mod review;
mod serve;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::module::{LabelFault, check_label_value};
use crate::policy::Policy;
use crate::vocabulary::{DEFAULT_TOLERATION_SECONDS, ENV_DEFAULT};

/// Koupleless modules on Kubernetes: plain manifests work, wrong ones say why, and every base carries its peer modules.
#[derive(Debug, Parser)]
#[command(name = "warden", version)]
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

/// What is configured for a whole cluster.
#[derive(Debug, Args)]
struct PolicyArgs {
    /// The environment of modules that say none, nor does their Namespace.
    #[arg(long, env = "WARDEN_DEFAULT_ENV", default_value = ENV_DEFAULT, value_parser = environment)]
    default_env: String,
    /// What the API server's --default-unreachable-toleration-seconds and --default-not-ready-toleration-seconds are set to.
    #[arg(
        long,
        env = "WARDEN_DEFAULT_TOLERATION_SECONDS",
        default_value_t = DEFAULT_TOLERATION_SECONDS,
        value_name = "SECONDS"
    )]
    default_toleration_seconds: i64,
}

impl From<PolicyArgs> for Policy {
    fn from(args: PolicyArgs) -> Self {
        Self { default_env: args.default_env, default_toleration_seconds: args.default_toleration_seconds }
    }
}

/// An environment as an argument: it becomes a label and the value of a taint.
fn environment(argument: &str) -> Result<String, LabelFault> {
    check_label_value(argument).map(|()| argument.to_owned())
}
