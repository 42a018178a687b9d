//! `warden serve`: the webhook, and the controllers beside it.

mod args;
mod background;
mod controllers;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::future::OptionFuture;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::args::{Identity, LeaseArgs, PeerArgs};
use self::background::Background;
use self::controllers::Controllers;
use crate::admission::{self, Reviewer, http};
use crate::cluster::{NamespaceCache, PeerCache};
use crate::policy::Policy;
use crate::runtime::{LogFormat, Ops, Readiness, StopSignals, api_client, process_identity, serve_ops, start_logging};
use crate::{peer, tls};

/// Serve the admission webhook, and run the controllers while this process holds the lease.
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
    #[command(flatten)]
    peer: PeerArgs,
    #[command(flatten)]
    lease: LeaseArgs,
    #[command(flatten)]
    names: Identity,
}

type Failure = Box<dyn Error + Send + Sync>;

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

    async fn serve(self) -> Result<(), Failure> {
        let mut signals = StopSignals::listen()?;
        let certificate = tls::server_config(&self.tls_cert, &self.tls_key)?;
        let identity = process_identity();
        let lease = self.lease.settings(&self.names, identity.clone());
        lease.validate()?;
        let client = api_client().await?;
        let readiness = Readiness::default();
        let running = readiness.condition("not-shutting-down");
        running.set(true);
        let mut registry = Registry::default();
        let reviews = admission::Metrics::register(&mut registry);
        let peers = peer::Metrics::register(&mut registry);

        let ops_listener = TcpListener::bind(self.ops_listen).await?;
        let listener = tls::Listener::bind(self.listen, certificate).await?;
        tracing::info!(listen = %listener.local_addr()?, ops = %ops_listener.local_addr()?, "serving");

        let mut background = Background::default();
        let policy = Policy::from(self.policy);
        let (namespaces, watch) = NamespaceCache::watch(client.clone());
        background.spawn("watch of Namespaces", watch);
        let (cache, watch) = PeerCache::watch(client.clone(), policy.clone(), namespaces.clone());
        background.spawn("watches of bases and peer Deployments", watch);
        background.ready_when(readiness.condition("namespaces-synced"), {
            let namespaces = namespaces.clone();
            async move { namespaces.synced().await }
        });
        background.ready_when(readiness.condition("peers-synced"), {
            let cache = cache.clone();
            async move { cache.synced().await }
        });
        background.spawn("ops server", serve_ops(ops_listener, Ops { readiness, registry: Arc::new(registry) }));

        let mut controllers = self.peer.controls_peers().then(|| {
            Controllers::start(client.clone(), cache.clone(), lease, |leadership| {
                let settings = self.peer.settings();
                peer::Controller::new(client, cache.clone(), leadership, settings, identity, peers).run()
            })
        });

        let stop = CancellationToken::new();
        let reviewer = Reviewer::new(policy, Arc::new(namespaces), Arc::new(cache), reviews);
        let patience = tls::Patience { drain: Duration::from_secs(self.drain_timeout), ..Default::default() };
        let mut webhook = tokio::spawn(tls::serve(listener, http::router(reviewer), patience, stop.clone()));

        let signal = tokio::select! {
            signal = signals.next() => signal,
            ended = &mut webhook => return Err(format!("the webhook ended: {ended:?}").into()),
            ended = background.first_end() => return Err(ended.into()),
            Some(ended) = OptionFuture::from(controllers.as_mut().map(Controllers::first_end)) => {
                return Err(ended.into());
            }
        };
        tracing::info!(signal, delay_seconds = self.shutdown_delay, "shutting down");
        running.set(false);
        let orderly = async {
            // Whoever takes the lease next can begin while this one still answers reviews.
            if let Some(controllers) = controllers {
                controllers.stop().await?;
            }
            tokio::time::sleep(Duration::from_secs(self.shutdown_delay)).await;
            stop.cancel();
            webhook.await
        };
        tokio::select! {
            ended = orderly => ended?,
            signal = signals.next() => tracing::warn!(signal, "told twice: ending at once"),
        }
        Ok(())
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    tracing::error!(%error, "cannot serve");
    ExitCode::FAILURE
}
