//! The arguments for the webhook's port.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::serving::{
    ClientAuthority, ClientCaError, ClientCaFile, Limits, Metrics, ServerOptions, Timeouts, TlsSettings, TlsVersion,
};

/// The webhook's port.
#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub(in crate::cli::serve) struct ServingArgs {
    /// The address for the API server, over TLS. [::] is every address, IPv6 and IPv4. Where there is no IPv6, warden listens
    /// on IPv4 alone.
    #[arg(long, env = "WARDEN_LISTEN", default_value = "[::]:9443", value_name = "ADDRESS")]
    pub(in crate::cli::serve) listen: SocketAddr,
    /// The oldest version of TLS that is accepted.
    #[arg(long, env = "WARDEN_TLS_MIN_VERSION", value_enum, default_value = "1.2", value_name = "VERSION")]
    tls_min_version: TlsVersion,
    /// One or several certificates, as PEM. Clients need a certificate that one of these has signed. The file is read again
    /// when it changes. If unset, any client may connect.
    #[arg(long, env = "WARDEN_CLIENT_CA", value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// The common names that certificates of clients may have, separated by commas. If unset, any name is accepted.
    #[arg(long, env = "WARDEN_CLIENT_NAMES", value_delimiter = ',', value_name = "NAME,…", requires = "client_ca")]
    client_names: Vec<String>,
    /// The most connections at a time. To accept one more, the one that has been idle for the longest time is closed.
    #[arg(long, env = "WARDEN_MAX_CONNECTIONS", default_value = "1024", value_name = "N", value_parser = at_least_one)]
    max_connections: NonZeroUsize,
    /// How many seconds warden goes on serving after SIGTERM, while it is not ready, until every API server has observed
    /// that.
    #[arg(long, env = "WARDEN_SHUTDOWN_DELAY", default_value_t = 5, value_name = "SECONDS")]
    shutdown_delay: u64,
    /// How many seconds requests in progress then have to finish, and API servers to close idle connections (which they do
    /// after 90 s).
    #[arg(long, env = "WARDEN_DRAIN_TIMEOUT", default_value_t = 95, value_name = "SECONDS")]
    drain_timeout: u64,
}

fn at_least_one(argument: &str) -> Result<NonZeroUsize, &'static str> {
    argument.parse().map_err(|_| "it must be a whole number of at least 1")
}

impl ServingArgs {
    /// The TLS settings, and the file with the client CA, which must be followed.
    ///
    /// # Errors
    /// If the file with the client CA cannot be used.
    pub(in crate::cli::serve) fn tls(&self) -> Result<(TlsSettings, Option<ClientCaFile>), ClientCaError> {
        let loaded = self.client_ca.as_ref().map(|path| ClientAuthority::load(path, self.client_names.clone()));
        let (clients, file) = loaded.transpose()?.unzip();
        Ok((TlsSettings { min_version: self.tls_min_version, clients }, file))
    }

    pub(in crate::cli::serve) fn options(&self, metrics: Metrics) -> ServerOptions {
        let timeouts = Timeouts { drain: Duration::from_secs(self.drain_timeout), ..Default::default() };
        let limits = Limits { connections: self.max_connections.get(), ..Default::default() };
        ServerOptions { timeouts, limits, metrics }
    }

    pub(in crate::cli::serve) fn shutdown_delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay)
    }
}
