//! The arguments that are settings of the whole cluster.

use std::path::PathBuf;

use clap::Args;

use crate::module::{LabelValueError, check_label_value};
use crate::settings::Given;

/// Settings of the whole cluster. Arguments take precedence over the file.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// The configuration file; see docs/configuration.md.
    #[arg(long, env = "WARDEN_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The environment of modules for which neither the manifest nor the Namespace declares one [default: dev].
    #[arg(long, env = "WARDEN_DEFAULT_ENV", value_name = "ENVIRONMENT", value_parser = environment)]
    default_env: Option<String>,
    /// The value of the API server's flags --default-unreachable-toleration-seconds and
    /// --default-not-ready-toleration-seconds [default: 300].
    #[arg(long, env = "WARDEN_DEFAULT_TOLERATION_SECONDS", value_name = "SECONDS")]
    default_toleration_seconds: Option<i64>,
}

impl SettingsArgs {
    /// The settings that are given.
    pub(super) fn given(&self) -> Given {
        Given {
            default_env: self.default_env.clone(),
            default_toleration_seconds: self.default_toleration_seconds,
            ..Given::default()
        }
    }
}

/// Checks an environment, which becomes a label and the value of a taint.
fn environment(argument: &str) -> Result<String, LabelValueError> {
    check_label_value(argument).map(|()| argument.to_owned())
}
