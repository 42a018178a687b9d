//! The arguments that override the configuration file.

use std::path::PathBuf;

use clap::Args;

use crate::module::{LabelValueError, check_label_value};
use crate::settings::SettingsOverrides;

/// Settings for the whole cluster. Arguments override the file.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// A file with defaults, rules, windows and the log filter; see docs/configuration.md.
    #[arg(long, env = "WARDEN_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The environment of modules if neither they nor their Namespace set one [default: dev].
    #[arg(long, env = "WARDEN_DEFAULT_ENV", value_name = "ENVIRONMENT", value_parser = environment)]
    default_env: Option<String>,
    /// The value of the API server's --default-unreachable-toleration-seconds and --default-not-ready-toleration-seconds
    /// [default: 300].
    #[arg(long, env = "WARDEN_DEFAULT_TOLERATION_SECONDS", value_name = "SECONDS")]
    default_toleration_seconds: Option<i64>,
}

impl SettingsArgs {
    /// The settings that are set.
    pub(super) fn overrides(&self) -> SettingsOverrides {
        SettingsOverrides {
            default_env: self.default_env.clone(),
            default_toleration_seconds: self.default_toleration_seconds,
            ..SettingsOverrides::default()
        }
    }
}

/// Parses an environment. It becomes the value of a label and of a taint.
fn environment(argument: &str) -> Result<String, LabelValueError> {
    check_label_value(argument).map(|()| argument.to_owned())
}
