//! `warden serve`: the webhook, and the controllers beside it.

mod args;
mod background;
mod caches;
mod certificates;
mod controllers;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use self::args::{CertificateArgs, Identity, LeaseArgs, PeerArgs, ServingArgs};
use self::background::Background;
use self::caches::watch_cluster;
use self::controllers::Controllers;
use crate::admission::{self, Reviewer, http};
use crate::k8s::{LeaderMetrics, LeaderTask, WriteMetrics, api_client, own_user_name, process_identity};
use crate::policy::Policy;
use crate::runtime::{LogFormat, Logging, Ops, Readiness, StopSignals, serve_ops, start_logging};
use crate::settings::{self, Given, InForce, Source};
use crate::{certificates as tls_certificates, peer, serving};

/// Serve the admission webhook, and run the controllers while this process holds the lease.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub(super) struct Serve {
    // A heading of the help goes on until the next: the groups that have none of their own come first.
    #[command(flatten)]
    names: Identity,
    #[command(flatten)]
    settings: super::SettingsArgs,
    /// How log lines look.
    #[arg(long, env = "WARDEN_LOG_FORMAT", value_enum, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
    #[command(flatten)]
    serving: ServingArgs,
    /// Where probes and metrics are served, in plain HTTP.
    #[arg(long, env = "WARDEN_OPS_LISTEN", default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    ops_listen: SocketAddr,
    #[command(flatten)]
    certificates: CertificateArgs,
    #[command(flatten)]
    peer: PeerArgs,
    #[command(flatten)]
    lease: LeaseArgs,
}

type Failure = Box<dyn Error + Send + Sync>;

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let logging = start_logging(self.log_format);
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&error),
        };
        match runtime.block_on(self.serve(logging)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&*error),
        }
    }

    async fn serve(self, logging: Logging) -> Result<(), Failure> {
        let mut signals = StopSignals::listen()?;
        let mut registry = Registry::default();
        let source =
            Source::new(self.settings.config.clone(), Given { peer: self.peer.given(), ..self.settings.given() });
        let (InForce { policy, peer: windows }, configuration) =
            settings::follow(source, logging, settings::Metrics::register(&mut registry))?;
        let certificate = certificates::Source::of(&self.certificates, &self.names)?;
        let tls_settings = self.serving.tls()?;
        let identity = process_identity();
        let lease = |name: &str| self.lease.settings(&self.names.namespace, name, &identity);
        let (peer_lease, certificate_lease) = (lease(&self.names.name), lease(&self.names.certificate_lease()));
        peer_lease.validate()?;
        let client = api_client().await?;
        let readiness = Readiness::default();
        let running = readiness.condition("not-shutting-down");
        running.set(true);
        let reviews = admission::Metrics::register(&mut registry);
        let writes = WriteMetrics::register(&mut registry);
        let peer_metrics = peer::Metrics::register(&mut registry, &writes);
        let certificates = tls_certificates::CertificateMetrics::register(&mut registry);
        let leaders = LeaderMetrics::register(&mut registry);
        let current = tls_certificates::Current::none(certificates.clone());
        let terms = self.serving.terms(serving::Metrics::register(&mut registry));

        let ops_listener = TcpListener::bind(self.ops_listen).await?;
        let config = serving::server_config(Arc::new(current.clone()), &tls_settings);
        let listener = serving::Listener::bind(self.serving.listen, config).await?;
        tracing::info!(listen = %listener.local_addr()?, ops = %ops_listener.local_addr()?, "serving");

        let mut background = Background::default();
        if let Some(clients) = tls_settings.clients {
            background.spawn("reader of the client CA", clients.follow(terms.metrics.clone()));
        }
        background.spawn("watch of the configuration", configuration);
        let (namespaces, cache) = watch_cluster(&client, policy.clone(), &mut background, &readiness);
        let own = admission::OwnUser::default();
        background.ready_when(readiness.condition("own-user-known"), {
            let (own, client) = (own.clone(), client.clone());
            async move { own.is(own_user_name(client).await) }
        });
        let keeper = certificate.start(client.clone(), current, certificates, &mut background, &readiness);
        background.spawn("word on readiness", readiness.clone().tell());
        background.spawn("ops server", serve_ops(ops_listener, Ops { readiness, registry: Arc::new(registry) }));

        let mut leading = Vec::new();
        if let Some(keeper) = keeper {
            let (client, leaders) = (client.clone(), leaders.clone());
            let at_once = std::future::ready(());
            leading.push(LeaderTask::start(client, at_once, certificate_lease, leaders, |it| keeper.run(it)));
        }
        if self.peer.controls_peers() {
            let controllers = Controllers { client, peers: cache.clone(), peer_settings: windows, peer_metrics };
            leading.push(controllers.start(peer_lease, leaders));
        }

        let farewell = serving::Farewell::default();
        let reviewer = Reviewer::new(Policy::default(), Arc::new(namespaces), Arc::new(cache), reviews)
            .going_by(policy)
            .for_user(own);
        let mut webhook = tokio::spawn(serving::serve(listener, http::router(reviewer), terms, farewell.clone()));

        let fault: Option<Failure> = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, delay = ?self.serving.shutdown_delay(), "shutting down");
                None
            }
            ended = &mut webhook => return Err(format!("the webhook ended: {ended:?}").into()),
            ended = background.first_end() => Some(ended.into()),
            ended = LeaderTask::first_end_of(&mut leading) => Some(ended.into()),
        };
        if let Some(error) = &fault {
            tracing::error!(%error, delay = ?self.serving.shutdown_delay(), "shutting down, for half a warden is none");
        }
        running.set(false);
        farewell.leaving.cancel();
        let orderly = async {
            // The next leader begins while this process still answers reviews.
            for task in leading {
                task.stop().await;
            }
            tokio::time::sleep(self.serving.shutdown_delay()).await;
            farewell.stop.cancel();
            webhook.await
        };
        tokio::select! {
            ended = orderly => ended?,
            signal = signals.next() => tracing::warn!(signal, "told twice: ending at once"),
        }
        fault.map_or(Ok(()), Err)
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    tracing::error!(%error, "cannot serve");
    ExitCode::FAILURE
}
