//! `warden serve`: the webhook.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admission::{Metrics, Reviewer, http};
use crate::cluster::NamespaceCache;
use crate::policy::Policy;
use crate::runtime::{LogFormat, Ops, Readiness, serve_ops, start_logging, stop_signal};
use crate::tls;

/// Serve the admission webhook.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where the API server calls us, over TLS.
    #[arg(long, env = "WARDEN_LISTEN", default_value = "0.0.0.0:9443")]
    listen: SocketAddr,
    /// Where probes and metrics are served, in plain HTTP.
    #[arg(long, env = "WARDEN_OPS_LISTEN", default_value = "0.0.0.0:8080")]
    ops_listen: SocketAddr,
    /// The certificate chain, PEM.
    #[arg(long, env = "WARDEN_TLS_CERT", value_name = "FILE")]
    tls_cert: PathBuf,
    /// The private key, PEM.
    #[arg(long, env = "WARDEN_TLS_KEY", value_name = "FILE")]
    tls_key: PathBuf,
    #[command(flatten)]
    policy: super::PolicyArgs,
    /// How many seconds to go on serving after SIGTERM, not ready any more, until every API server has heard of it.
    #[arg(long, env = "WARDEN_SHUTDOWN_DELAY", default_value_t = 5, value_name = "SECONDS")]
    shutdown_delay: u64,
    /// How many seconds requests under way then have to finish.
    #[arg(long, env = "WARDEN_DRAIN_TIMEOUT", default_value_t = 15, value_name = "SECONDS")]
    drain_timeout: u64,
    /// How log lines look.
    #[arg(long, env = "WARDEN_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        start_logging(self.log_format);
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&error),
        };
        match runtime.block_on(self.serve()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&*error),
        }
    }

    async fn serve(self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let certificate = tls::server_config(&self.tls_cert, &self.tls_key)?;
        let client = Client::try_default().await?;
        let readiness = Readiness::default();
        let synced = readiness.condition("namespaces-synced");
        let running = readiness.condition("not-shutting-down");
        running.set(true);
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);

        let ops_listener = TcpListener::bind(self.ops_listen).await?;
        let listener = tls::Listener::bind(self.listen, certificate).await?;
        tracing::info!(listen = %listener.local_addr()?, ops = %ops_listener.local_addr()?, "serving");

        let (namespaces, watch) = NamespaceCache::watch(client);
        let policy = Policy::from(self.policy);
        let reviewer = Reviewer::new(policy, Arc::new(namespaces.clone()), metrics);
        let stop = CancellationToken::new();
        let ops = Ops { readiness, registry: Arc::new(registry) };
        let patience = tls::Patience { drain: Duration::from_secs(self.drain_timeout), ..Default::default() };
        let mut webhook = tokio::spawn(tls::serve(listener, http::router(reviewer), patience, stop.clone()));
        let mut ops = tokio::spawn(serve_ops(ops_listener, ops));
        let mut watch = tokio::spawn(watch);
        tokio::spawn(async move {
            namespaces.synced().await;
            synced.set(true);
        });

        // A task in the background that ends ends the process: half a warden looks healthy and is not.
        let signal = tokio::select! {
            signal = stop_signal() => signal?,
            ended = &mut webhook => return Err(ended_early("webhook", ended)),
            ended = &mut ops => return Err(ended_early("ops server", ended)),
            ended = &mut watch => return Err(ended_early("watch of Namespaces", ended)),
        };
        tracing::info!(signal, delay_seconds = self.shutdown_delay, "shutting down");
        running.set(false);
        let orderly = async {
            tokio::time::sleep(Duration::from_secs(self.shutdown_delay)).await;
            stop.cancel();
            webhook.await
        };
        tokio::select! {
            ended = orderly => ended?,
            signal = stop_signal() => tracing::warn!(signal = signal?, "told twice: ending at once"),
        }
        Ok(())
    }
}

fn ended_early<T: std::fmt::Debug>(task: &str, ended: T) -> Box<dyn Error + Send + Sync> {
    format!("the {task} ended: {ended:?}").into()
}

fn failed(error: &dyn Error) -> ExitCode {
    tracing::error!(%error, "cannot serve");
    ExitCode::FAILURE
}
