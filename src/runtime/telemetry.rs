//! Logs.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::Arc;

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The filter if neither `RUST_LOG` nor the configuration sets one.
const DEFAULT_FILTER: &str = "info";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// Changes the log filter while the process runs. The default value changes nothing.
#[derive(Clone, Default)]
pub struct Logging {
    replace: Option<Arc<dyn Fn(EnvFilter) + Send + Sync>>,
}

/// Starts logging to standard error. `RUST_LOG` sets the filter; if it is unset, [`Logging::filter_by`] does.
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
            // A line is within one span at most, so a list of spans would only repeat that span.
            let logs = logs.json().with_span_list(false).with_env_filter(filter).with_filter_reloading();
            start(logs.reload_handle(), logs.finish())
        }
    };
    Logging { replace: replace.filter(|_| !is_fixed) }
}

/// Checks that `filter` is a log filter in the syntax of `RUST_LOG`.
///
/// # Errors
/// Returns what is wrong with it.
pub fn check_log_filter(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| error.to_string())
}

impl Logging {
    /// Applies `filter`, in the syntax of `RUST_LOG`, from now on; `info` if it is none. Does nothing if `RUST_LOG` is set.
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

/// Colours are used on a terminal, unless the user disables them (<https://no-color.org>).
fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn start<S: 'static>(
    handle: Handle<EnvFilter, S>,
    logs: impl Subscriber + Send + Sync + 'static,
) -> Option<Arc<dyn Fn(EnvFilter) + Send + Sync>> {
    // It fails if logging is started already, by a test or a program that embeds this crate. Then that subscriber stays.
    logs.try_init().ok()?;
    Some(Arc::new(move |filter| {
        // It fails only after the subscriber is dropped, when nothing is logged any more.
        let _ = handle.reload(filter);
    }))
}
