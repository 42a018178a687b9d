//! A continuous load of module Pods, and of handshakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};
use warden_testbed::{ControlPlane, eventually};

use super::handshake::shake_hands;
use super::site::{LONG, NAME, Site};

/// 20 Pods per second, so that at any time one is being created. More of them would measure the machine.
const CREATE_PERIOD: Duration = Duration::from_millis(50);
/// Handshakes are expensive for a machine with two cores.
const HANDSHAKE_PERIOD: Duration = Duration::from_millis(100);
/// 5 per second, see [`Load::slow_down`].
const SLOW_PERIOD: Duration = Duration::from_millis(200);

/// More than the idle connections that the API server keeps per webhook, which are 25.
const BURST: usize = 40;
const BURST_PERIOD: Duration = Duration::from_secs(1);

/// Work that is repeated until it is stopped.
pub(super) struct Load {
    work: JoinHandle<()>,
    period: watch::Sender<Duration>,
    results: Arc<Results>,
    began: Instant,
}

/// The results of all pieces of work.
#[derive(Default)]
struct Results {
    done: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Load {
    /// Creates 20 module Pods per second, and deletes each as soon as it exists.
    pub(super) async fn of_creations(site: &Site) -> Result<Self> {
        let namespace = site.plane.namespace("load").await?;
        let pods: Api<Pod> = Api::namespaced(site.plane.client()?, &namespace);
        Ok(Self::every(CREATE_PERIOD, move || {
            let pods = pods.clone();
            async move {
                let pod = pods.create(&PostParams::default(), &module_pod()?).await?;
                let tolerations = pod.spec.and_then(|spec| spec.tolerations).unwrap_or_default();
                anyhow::ensure!(tolerations.len() >= 4, "admitted, but not filled in: {tolerations:?}");
                let name = pod.metadata.name.unwrap_or_default();
                pods.delete(&name, &DeleteParams::default().grace_period(0)).await?;
                Ok(())
            }
        }))
    }

    /// Shakes hands ten times per second with the replica that the balancer chooses, and trusts what a webhook trusts at that
    /// moment, like an API server that has just started.
    pub(super) async fn of_handshakes(site: &Site) -> Result<Self> {
        use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration as Configuration;
        let (client, address) = (site.plane.client()?, site.balancer.address());
        Ok(Self::every(HANDSHAKE_PERIOD, move || {
            let configurations: Api<Configuration> = Api::all(client.clone());
            async move {
                let webhooks = configurations.get(NAME).await?.webhooks.unwrap_or_default();
                let bundle = webhooks.into_iter().next().and_then(|webhook| webhook.client_config.ca_bundle);
                shake_hands(address, &bundle.map(|bundle| bundle.0).unwrap_or_default()).await?;
                Ok(())
            }
        }))
    }

    fn every<W>(period: Duration, work: impl Fn() -> W + Send + 'static) -> Self
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let results = Arc::new(Results::default());
        let counts = Arc::clone(&results);
        let (period, mut periods) = watch::channel(period);
        let work = tokio::spawn(async move {
            let mut pieces = JoinSet::new();
            let ticking = |period| {
                let mut ticks = interval(period);
                // A slow machine does less work, and does not catch up in bursts.
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                ticks
            };
            let mut ticks = ticking(*periods.borrow_and_update());
            loop {
                tokio::select! {
                    Ok(()) = periods.changed() => ticks = ticking(*periods.borrow_and_update()),
                    _ = ticks.tick() => {}
                }
                while pieces.try_join_next().is_some() {}
                let (piece, counts) = (work(), Arc::clone(&counts));
                pieces.spawn(async move {
                    match piece.await {
                        Ok(()) => drop(counts.done.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => counts.failed.lock().await.push(brief(&error)),
                    }
                });
            }
        });
        Self { work, period, results, began: Instant::now() }
    }

    /// Goes on with so little that it does not disturb others: 5 per second.
    pub(super) fn slow_down(&self) {
        self.period.send_replace(SLOW_PERIOD);
    }

    /// Waits until `more` further pieces have succeeded, or one has failed.
    pub(super) async fn goes_on(&self, more: usize) -> Result<()> {
        let enough = self.results.done.load(Ordering::Relaxed) + more;
        eventually("the load goes on", LONG, async || {
            let done = self.results.done.load(Ordering::Relaxed);
            if done >= enough || !self.results.failed.lock().await.is_empty() { Ok(()) } else { Err(done.to_string()) }
        })
        .await
    }

    /// Stops the load. Returns how many pieces succeeded, the rate per second, and the errors of the others.
    pub(super) async fn stop(self) -> (usize, f64, Vec<String>) {
        self.work.abort();
        let done = self.results.done.load(Ordering::Relaxed);
        let failed = std::mem::take(&mut *self.results.failed.lock().await);
        (done, done as f64 / self.began.elapsed().as_secs_f64(), failed)
    }
}

/// What comes of `ending`, a wait for replicas to end, which it shortens.
///
/// A replica that is told to end closes a connection after its next answer, and waits for those that are idle until the API
/// server drops them, after 90 s. Creations that come all at once make the API server use its idle connections, too.
///
/// # Errors
/// Those of `ending`, and when one of these creations fails.
pub(super) async fn hurried<T>(plane: &ControlPlane, ending: impl Future<Output = Result<T>>) -> Result<T> {
    let (pods, pod): (Api<Pod>, Pod) = (Api::namespaced(plane.client()?, "default"), module_pod()?);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let bursts = async {
        loop {
            if let Err(error) = try_join_all((0..BURST).map(|_| pods.create(&dry_run, &pod))).await {
                return anyhow::Error::new(error).context("a creation failed while replicas ended");
            }
            sleep(BURST_PERIOD).await;
        }
    };
    tokio::select! {
        ended = ending => ended,
        failed = bursts => Err(failed),
    }
}

/// The message of the API server only.
fn brief(error: &anyhow::Error) -> String {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => status.message.clone(),
        _ => format!("{error:#}"),
    }
}

/// A Pod for a base that does not exist: it only has to be admitted and filled in.
fn module_pod() -> Result<Pod> {
    Ok(serde_json::from_value(json!({
        "metadata": {
            "generateName": "module-",
            "labels": {"virtual-kubelet.koupleless.io/component": "module"},
            "annotations": {"base.koupleless.io/name": "none"},
        },
        "spec": {"containers": [{
            "name": "biz1",
            "image": "https://repo.example.com/biz1-1.0.0-ark-biz.jar",
            "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
        }]},
    }))?)
}
