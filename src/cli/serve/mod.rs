//! `warden serve`: the webhook, and the controllers beside it.

mod args;
mod background_tasks;
mod caches;
mod certificates;
mod controllers;
mod metrics;
mod running;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use prometheus_client::registry::Registry;

use self::args::{CertificateArgs, Identity, LeaseArgs, PeerArgs, ServingArgs};
use self::background_tasks::BackgroundTasks;
use self::caches::watch_cluster;
use self::certificates::CertificateSource;
use self::controllers::Controllers;
use self::metrics::Metrics;
use self::running::Running;
use crate::admission::{self, Reviewer, WatchedCluster, http};
use crate::certificates::Current;
use crate::cluster::{LimitRangeReader, RevisionReader};
use crate::k8s::{LeaderTask, api_client, own_user_name, process_identity};
use crate::policy::Policy;
use crate::runtime::{LogFormat, Logging, Ops, Readiness, StopSignals, ops_router, start_logging};
use crate::serving::{self, Listener, ServerOptions, Shutdown};
use crate::settings::{self, LiveSettings, SettingsOverrides, Source};

/// Serve the admission webhook, and run the controllers while this process holds the lease.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub(super) struct Serve {
    // In the help, a heading applies until the next one. Groups without a heading must come first.
    #[command(flatten)]
    names: Identity,
    #[command(flatten)]
    settings: super::SettingsArgs,
    /// The format of log lines.
    #[arg(long, env = "WARDEN_LOG_FORMAT", value_enum, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
    #[command(flatten)]
    serving: ServingArgs,
    /// The address for probes and metrics, in plain HTTP. [::] is every address, as for --listen.
    #[arg(long, env = "WARDEN_OPS_LISTEN", default_value = "[::]:8080", value_name = "ADDRESS")]
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
        let signals = StopSignals::listen()?;
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);

        // Arguments and files are checked before anything runs.
        let (LiveSettings { policy, peer: windows }, reload) =
            settings::follow(self.source(), logging, metrics.settings)?;
        let certificate = CertificateSource::of(&self.certificates, &self.names)?;
        let (tls, client_ca) = self.serving.tls()?;
        let identity = process_identity();
        let lease = |name: &str| self.lease.settings(&self.names.namespace, name, &identity);
        let (peer_lease, certificate_lease) = (lease(&self.names.name), lease(&self.names.certificate_lease()));
        peer_lease.validate()?;
        let controls_peers = self.peer.controls_peers()?;
        let client = api_client().await?;

        let current = Current::none(metrics.certificates.clone());
        let ops_listener = Listener::bind_plain(self.ops_listen).await?;
        let config = serving::server_config(Arc::new(current.clone()), &tls);
        let listener = Listener::bind_tls(self.serving.listen, config).await?;
        tracing::info!(listen = %listener.local_addr()?, ops = %ops_listener.local_addr()?, "serving");

        let readiness = Readiness::default();
        let not_shutting_down = readiness.condition("not-shutting-down");
        not_shutting_down.set(true);
        let mut background = BackgroundTasks::default();
        background.spawn("reader of the configuration", reload);
        if let Some(client_ca) = client_ca {
            background.spawn("reader of the client CA", client_ca.follow(metrics.webhook.clone()));
        }
        let excluded = self.peer.excluded_namespaces(&self.names.namespace);
        let selector = self.peer.namespace_selector.clone();
        let (namespaces, peers) =
            watch_cluster(&client, policy.clone(), &excluded, selector, &mut background, &readiness);
        let own_user = admission::OwnUser::default();
        background.ready_when(readiness.condition("own-user-known"), {
            let (own_user, client) = (own_user.clone(), client.clone());
            async move { own_user.is(own_user_name(client).await) }
        });
        let certificate_metrics = (metrics.certificates, &metrics.writes);
        let certificate_controller =
            certificate.start(client.clone(), current, certificate_metrics, &mut background, &readiness);
        background.spawn("log of readiness", readiness.clone().log_while_not_ready());
        let identity_detail = readiness.detail("identity-labels");
        let ops = ops_router(Ops { readiness, registry: Arc::new(registry) });
        let ops_options = ServerOptions::for_ops(metrics.ops);
        background.spawn("ops server", serving::serve(ops_listener, ops, ops_options, Shutdown::default()));

        let revisions = RevisionReader::new(client.clone());
        let limit_ranges = LimitRangeReader::new(client.clone());
        let mut leading = Vec::new();
        if let Some(controller) = certificate_controller {
            let (client, leaders) = (client.clone(), metrics.leaders.clone());
            let at_once = std::future::ready(());
            leading.push(LeaderTask::start(client, at_once, certificate_lease, leaders, |it| controller.run(it)));
        }
        if controls_peers {
            let controllers = Controllers {
                client,
                peers: peers.clone(),
                peer_settings: windows,
                peer_metrics: metrics.peers,
                identity_metrics: metrics.identity,
                identity_detail,
            };
            leading.push(controllers.start(peer_lease, metrics.leaders));
        }

        let shutdown = Shutdown::default();
        let reviewer = Reviewer::new(
            Policy::default(),
            Arc::new(WatchedCluster { namespaces, peers, revisions, limit_ranges }),
            metrics.reviews,
        )
        .going_by(policy)
        .for_user(own_user);
        let options = self.serving.options(metrics.webhook);
        let webhook = tokio::spawn(serving::serve(listener, http::router(reviewer), options, shutdown.clone()));
        let shutdown_delay = self.serving.shutdown_delay();
        Running { webhook, background, leading, not_shutting_down, shutdown, shutdown_delay }
            .until_stopped(signals)
            .await
    }

    /// The configuration file, and the flags that override it.
    fn source(&self) -> Source {
        let flags = SettingsOverrides { peer: self.peer.overrides(), ..self.settings.overrides() };
        Source::new(self.settings.config.clone(), flags)
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    tracing::error!(%error, "cannot serve");
    ExitCode::FAILURE
}
