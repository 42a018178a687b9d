//! What is configured for a whole cluster, as arguments.

use std::path::PathBuf;

use clap::Args;

use crate::module::{LabelValueError, check_label_value};
use crate::settings::Given;

/// What is configured for a whole cluster. Arguments win over the file.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// A file with defaults, rules, windows and what is logged; see docs/configuration.md.
    #[arg(long, env = "WARDEN_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The environment of modules that say none, nor does their Namespace [default: dev].
    #[arg(long, env = "WARDEN_DEFAULT_ENV", value_name = "ENVIRONMENT", value_parser = environment)]
    default_env: Option<String>,
    /// What the API server's --default-unreachable-toleration-seconds and --default-not-ready-toleration-seconds are set to
    /// [default: 300].
    #[arg(long, env = "WARDEN_DEFAULT_TOLERATION_SECONDS", value_name = "SECONDS")]
    default_toleration_seconds: Option<i64>,
}

impl SettingsArgs {
    /// What they say.
    pub(super) fn given(&self) -> Given {
        Given {
            default_env: self.default_env.clone(),
            default_toleration_seconds: self.default_toleration_seconds,
            ..Given::default()
        }
    }
}

/// An environment as an argument: it becomes a label and the value of a taint.
fn environment(argument: &str) -> Result<String, LabelValueError> {
    check_label_value(argument).map(|()| argument.to_owned())
}
