//! Logs.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::Arc;

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is written where nobody says anything.
const DEFAULT_FILTER: &str = "info";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// By which log lines are chosen while the process runs; by default nobody here has a say in it.
#[derive(Clone, Default)]
pub struct Logging {
    replace: Option<Arc<dyn Fn(EnvFilter) + Send + Sync>>,
}

/// Starts logging to standard error. `RUST_LOG` says which lines are written, where it is set; else [`Logging::filter_by`].
pub fn start_logging(format: LogFormat) -> Logging {
    let of_environment = EnvFilter::try_from_default_env();
    let is_fixed = of_environment.is_ok();
    let filter = of_environment.unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let logs = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours());
    let replace = match format {
        LogFormat::Text => {
            let logs = logs.with_env_filter(filter).with_filter_reloading();
            start(logs.reload_handle(), logs.finish())
        }
        LogFormat::Json => {
            // A line lies in one span at most: a list of them would say all of it again.
            let logs = logs.json().with_span_list(false).with_env_filter(filter).with_filter_reloading();
            start(logs.reload_handle(), logs.finish())
        }
    };
    Logging { replace: replace.filter(|_| !is_fixed) }
}

/// Checks that `filter` says which log lines are written, in the words of `RUST_LOG`.
///
/// # Errors
/// What is wrong with it.
pub fn check_log_filter(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| error.to_string())
}

impl Logging {
    /// Writes the lines that `filter` chooses from now on, a filter in the words of `RUST_LOG`; `info` where there is none.
    /// Where `RUST_LOG` itself is set, that goes on.
    pub fn filter_by(&self, filter: Option<&str>) {
        if let Some(replace) = &self.replace {
            replace(EnvFilter::new(filter.unwrap_or(DEFAULT_FILTER)));
        }
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").field("can_change", &self.replace.is_some()).finish()
    }
}

/// Colours are for somebody who looks on, and has not asked for none (<https://no-color.org>).
fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|none| none.is_empty())
}

fn start<S: 'static>(
    handle: Handle<EnvFilter, S>,
    logs: impl Subscriber + Send + Sync + 'static,
) -> Option<Arc<dyn Fn(EnvFilter) + Send + Sync>> {
    // An error says that logging was started before, by a test or by who embeds us: then that goes on.
    logs.try_init().ok()?;
    Some(Arc::new(move |filter| {
        // It fails only where the subscriber is gone, and nothing is logged any more.
        let _ = handle.reload(filter);
    }))
}
