//! Where and how the webhook is served.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::serving::{ClientAuthority, ClientCaError, Limits, Metrics, Patience, Terms, TlsSettings, TlsVersion};

/// Where and how the webhook is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub(in crate::cli::serve) struct ServingArgs {
    /// Where the API server calls us, over TLS.
    #[arg(long, env = "WARDEN_LISTEN", default_value = "0.0.0.0:9443", value_name = "ADDRESS")]
    pub(in crate::cli::serve) listen: SocketAddr,
    /// The oldest version of TLS that is spoken.
    #[arg(long, env = "WARDEN_TLS_MIN_VERSION", value_enum, default_value = "1.2", value_name = "VERSION")]
    tls_min_version: TlsVersion,
    /// One or several certificates, PEM: whoever calls us needs a certificate that one of these has signed. Read again when
    /// it changes. Without it everybody may call.
    #[arg(long, env = "WARDEN_CLIENT_CA", value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// The common names that certificates of clients may have, with commas between them; any, where none is given.
    #[arg(long, env = "WARDEN_CLIENT_NAMES", value_delimiter = ',', value_name = "NAME,…", requires = "client_ca")]
    client_names: Vec<String>,
    /// Connections at a time. For one more, the one that has been idle longest is closed.
    #[arg(long, env = "WARDEN_MAX_CONNECTIONS", default_value = "1024", value_name = "N", value_parser = at_least_one)]
    max_connections: NonZeroUsize,
    /// How many seconds to go on serving after SIGTERM, not ready any more, until every API server has heard of it.
    #[arg(long, env = "WARDEN_SHUTDOWN_DELAY", default_value_t = 5, value_name = "SECONDS")]
    shutdown_delay: u64,
    /// How many seconds requests under way, and API servers that keep an idle connection (for 90 s), then have to finish.
    #[arg(long, env = "WARDEN_DRAIN_TIMEOUT", default_value_t = 95, value_name = "SECONDS")]
    drain_timeout: u64,
}

fn at_least_one(argument: &str) -> Result<NonZeroUsize, &'static str> {
    argument.parse().map_err(|_| "it must be a whole number, and at least 1")
}

impl ServingArgs {
    /// How TLS is spoken.
    ///
    /// # Errors
    /// When the file with the client CA cannot be used.
    pub(in crate::cli::serve) fn tls(&self) -> Result<TlsSettings, ClientCaError> {
        let clients = match &self.client_ca {
            Some(path) => Some(Arc::new(ClientAuthority::load(path, self.client_names.clone())?)),
            None => None,
        };
        Ok(TlsSettings { min_version: self.tls_min_version, clients })
    }

    pub(in crate::cli::serve) fn terms(&self, metrics: Metrics) -> Terms {
        let patience = Patience { drain: Duration::from_secs(self.drain_timeout), ..Default::default() };
        let limits = Limits { connections: self.max_connections.get(), ..Default::default() };
        Terms { patience, limits, metrics }
    }

    pub(in crate::cli::serve) fn shutdown_delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay)
    }
}
