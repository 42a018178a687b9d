//! An installation from `deploy/manifests/`, with local processes behind its Service instead of Pods.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use koupleless_warden::runtime;
use kube::Api;
use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use warden_testbed::{Balancer, ControlPlane, Options, Signal, WardenProcess, eventually, replica_address};

use super::handshake::Certificate;
use super::load::hurried;

/// Longer than anything that a cluster does on a busy machine.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// The name of the namespace, and of all objects in it.
pub(super) const NAME: &str = "koupleless-warden";

/// The `terminationGracePeriodSeconds` that ships.
const TERMINATION_GRACE: Duration = Duration::from_secs(110);

/// How many replicas may be ending at a time. Each still watches the cluster and takes up this machine.
const ENDING_AT_A_TIME: usize = 6;

/// A control plane with warden installed.
pub(super) struct Site {
    pub(super) plane: ControlPlane,
    pub(super) balancer: Balancer,
    replicas: Vec<Replica>,
    /// Replicas that were told to end.
    ending: Vec<Replica>,
    /// How many replicas have ended.
    ended: usize,
    /// Ends with the site, if not before.
    share: Option<Share>,
}

/// How much of the machine a site has while it is there.
enum Share {
    /// All of it: it is under load, where a creation fails after 3 s, and two such sites would measure the machine.
    All { _guard: RwLockWriteGuard<'static, ()> },
    /// What others leave that are under no load either.
    Some { _guard: RwLockReadGuard<'static, ()> },
}

/// Waits until these have ended, and sees that they ended well. Gives how many those are.
async fn have_ended(ending: &mut Vec<Replica>, balancer: &Balancer) -> Result<usize> {
    let count = ending.len();
    for mut old in ending.drain(..) {
        let status = old.process.ended(TERMINATION_GRACE).await?;
        ensure!(status.success(), "{status}: {}", old.process.process().log_tail());
        balancer.remove(old.address);
    }
    Ok(count)
}

static MACHINE: RwLock<()> = RwLock::const_new(());

struct Replica {
    address: SocketAddr,
    process: WardenProcess,
}

impl Site {
    /// Applies the manifests, and starts no replica. `args` replace those of the same name in the Deployment. Waits until no
    /// other site is there, and is the only one until it is dropped: for tests that put it under load.
    pub(super) async fn install_alone(args: &[&str]) -> Result<Self> {
        Self::install_with(Share::All { _guard: MACHINE.write().await }, args).await
    }

    /// As [`Self::install_alone`], beside other sites that are under no load: for tests that wait most of the time.
    pub(super) async fn install(args: &[&str]) -> Result<Self> {
        Self::install_with(Share::Some { _guard: MACHINE.read().await }, args).await
    }

    async fn install_with(share: Share, args: &[&str]) -> Result<Self> {
        runtime::install_crypto_provider();
        let plane = ControlPlane::start(Options::new()).await?;
        let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/manifests");
        let manifests = manifests.to_str().context("the folder's name is not UTF-8")?;
        plane.kubectl(&["apply", "-k", manifests]).await?.expect_success()?;
        let deployment = plane.kubectl(&["-n", NAME, "get", "deployment", NAME, "-o", "json"]).await?;
        let deployment: Value = serde_json::from_str(&deployment.expect_success()?)?;
        let path = "/spec/template/spec/containers/0/args";
        let shipped = deployment.pointer(path).and_then(Value::as_array).context("no arguments")?;
        let flag = |arg: &str| arg.split('=').next().map(str::to_owned);
        let kept = shipped.iter().filter(|arg| !args.iter().any(|other| arg.as_str().and_then(flag) == flag(other)));
        let all: Vec<Value> = kept.cloned().chain(args.iter().map(|&arg| json!(arg))).collect();
        let patch = json!([{"op": "replace", "path": path, "value": all}]).to_string();
        plane
            .kubectl(&["-n", NAME, "patch", "deployment", NAME, "--type=json", "-p", &patch])
            .await?
            .expect_success()?;
        let balancer = Balancer::start(plane.webhook_address()).await?;
        plane.lead_service_to(NAME, NAME, plane.webhook_address()).await?;
        Ok(Self { plane, balancer, replicas: Vec::new(), ending: Vec::new(), ended: 0, share: Some(share) })
    }

    /// Starts `count` replicas at once, and waits until they get connections.
    pub(super) async fn start(&mut self, count: usize) -> Result<()> {
        let replicas = futures::future::try_join_all((0..count).map(|_| self.replica())).await?;
        for replica in replicas {
            self.balancer.add(replica.address, &replica.process).await?;
            self.replicas.push(replica);
        }
        self.plane.webhooks_in_effect("default").await
    }

    /// Replaces a replica as a rollout does: starts a new one that gets connections, and then tells the old one to end, which it
    /// does in the background.
    pub(super) async fn replace(&mut self, number: usize) -> Result<()> {
        if self.ending.len() == ENDING_AT_A_TIME {
            self.ended += hurried(&self.plane, have_ended(&mut self.ending, &self.balancer)).await?;
        }
        let new = self.replica().await?;
        self.balancer.add(new.address, &new.process).await?;
        let old = std::mem::replace(&mut self.replicas[number], new);
        old.process.process().signal(Signal::TERM)?;
        self.ending.push(old);
        Ok(())
    }

    /// Waits until all replaced replicas have ended, and checks that they ended without a fault. Returns their number so far.
    pub(super) async fn replaced_have_ended(&mut self) -> Result<usize> {
        self.ended += have_ended(&mut self.ending, &self.balancer).await?;
        Ok(self.ended)
    }

    /// Lets other sites use the machine from now on: this one is under little load until its end.
    pub(super) fn make_room(&mut self) {
        self.share = None;
    }

    async fn replica(&self) -> Result<Replica> {
        let address = replica_address()?;
        let program = Path::new(env!("CARGO_BIN_EXE_warden"));
        let process = self.plane.run_replica(program, NAME, NAME, address).await?;
        Ok(Replica { address, process })
    }

    /// The replicas that run, and where they listen.
    pub(super) fn replicas(&self) -> impl Iterator<Item = (SocketAddr, &WardenProcess)> {
        self.replicas.iter().map(|replica| (replica.address, &replica.process))
    }

    /// The sum of a metric over all replicas.
    pub(super) async fn metric(&self, metric: &str) -> Result<u64> {
        let mut sum = 0;
        for (_, process) in self.replicas() {
            let text = process.metrics().await?;
            let values =
                text.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')?.parse::<u64>().ok());
            sum += values.sum::<u64>();
        }
        Ok(sum)
    }

    /// The Secret with certificates and keys.
    pub(super) async fn secret(&self) -> Result<Secret> {
        Ok(self.secrets()?.get(&format!("{NAME}-tls")).await?)
    }

    pub(super) fn secrets(&self) -> Result<Api<Secret>> {
        Ok(Api::namespaced(self.plane.client()?, NAME))
    }

    /// The authorities by `ca.crt` in the Secret.
    pub(super) async fn authorities(&self) -> Result<Vec<Certificate>> {
        let secret = self.secret().await?;
        let bundle = secret.data.as_ref().and_then(|data| data.get("ca.crt")).context("no ca.crt")?;
        Ok(Certificate::all_in(&bundle.0))
    }

    /// The caBundle of a validating webhook.
    pub(super) async fn ca_bundle(&self) -> Result<Vec<u8>> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.plane.client()?);
        let webhooks = api.get(NAME).await?.webhooks.unwrap_or_default();
        let first = webhooks.into_iter().next().context("no webhook")?;
        Ok(first.client_config.ca_bundle.map(|bundle| bundle.0).unwrap_or_default())
    }

    /// Waits until `ask` returns `Ok`.
    pub(super) async fn until<T>(&self, what: &str, ask: impl AsyncFnMut() -> Result<T, String>) -> Result<T> {
        let waited = eventually(what, LONG, ask).await;
        let logs = || self.replicas().map(|(_, process)| process.process().log_tail()).collect::<String>();
        waited.map_err(|error| error.context(logs()))
    }
}

/// Short lifetimes: a certificate is renewed after 8 s, an authority after 24 s, and a change settles within 3 s.
pub(super) const SHORT_LIVED: [&str; 3] =
    ["--certificate-lifetime=12", "--authority-lifetime=36", "--certificate-settle=3"];
