//! Bases that come and go under faults, and how that must end.

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use koupleless_warden::vocabulary as keys;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use serde_json::Value;
use warden_testbed::ledger::Mark;
use warden_testbed::{Proxy, Stage, Write, eventually};

use crate::scene::{LONG, Scene};

/// Arguments of a process that serves the webhooks and writes nothing, for tests in which the one that writes dies.
pub(crate) const ONLY_WEBHOOKS: &str = "--controllers=none";

/// Arguments by which everything that takes time by intention is as short as it can be.
const HASTE: [&str; 5] = [
    "--peer-window=1",
    "--peer-departure=1",
    "--lease-duration=3",
    "--lease-renew-deadline=2",
    "--lease-retry-period=1",
];

/// [`HASTE`], and no goodbye either.
pub(crate) fn in_haste() -> Vec<String> {
    HASTE.into_iter().chain(["--shutdown-delay=0"]).map(str::to_owned).collect()
}

/// A stage whose webhooks are served by a process that never writes.
pub(crate) async fn webhooks_only(stage: &mut Stage) -> Result<()> {
    stage.serve(&[ONLY_WEBHOOKS.to_owned()]).await
}

/// The replicas that were really written through a proxy, in order.
pub(crate) fn numbers_written(proxy: &Proxy) -> Vec<u64> {
    let is_done = |write: &Write| write.forwarded && write.status.is_some_and(|status| status < 300);
    let writes = proxy.writes();
    let scales = writes.iter().filter(|write| write.path.contains("/scale?") && is_done(write));
    scales.filter_map(|write| write.body.as_ref()?["spec"]["replicas"].as_u64()).collect()
}

/// All writes, for a person to read.
pub(crate) fn told(proxy: &Proxy) -> String {
    proxy.writes().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl<'s> Scene<'s> {
    /// A scene whose bases all have the module by a peer Deployment.
    pub(crate) async fn with_peers(stage: &'s Stage, count: usize, name: &str) -> Result<Self> {
        let mut scene = Self::with_bases(stage, 0).await?;
        let bases: Vec<_> = (0..count).map(|number| scene.a_base(&format!("b{number}"))).collect();
        scene.nodes = stage.plane.add_bases(bases).await?;
        scene.apply(&scene.peer(name)).await?;
        scene.ends_right(name).await?;
        Ok(scene)
    }

    /// Waits until it is all in order: as many replicas as the scene has bases, the module on each of them, one Pod each
    /// that is not being deleted and none elsewhere, and the state on the Deployment that says so, which is the last write.
    pub(crate) async fn ends_right(&self, name: &str) -> Result<()> {
        let mut nodes: Vec<&str> = self.nodes.iter().map(String::as_str).collect();
        nodes.sort_unstable();
        let client = self.stage.plane.client()?;
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), &self.namespace);
        let pods: Api<Pod> = Api::namespaced(client, &self.namespace);
        let of_it = ListParams::default().labels(&format!("app={name}"));
        eventually(&format!("{name} is in order"), LONG, async || {
            let deployment = deployments.get(name).await.map_err(|error| error.to_string())?;
            let pods = pods.list(&of_it).await.map_err(|error| error.to_string())?;
            let living = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
            let mut on: Vec<&str> = living.map(node_of).collect();
            on.sort_unstable();
            let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
            let says = message_of(&deployment);
            let is_told = says == format!("{0}/{0} bases", nodes.len());
            let is_right = replicas == i32::try_from(nodes.len()).ok() && on == nodes && is_told;
            if is_right { Ok(()) } else { Err(format!("{replicas:?} replicas on {on:?} of {nodes:?}; {says:?}")) }
        })
        .await?;
        self.each_runs(&self.nodes, name, "1.0.0").await
    }

    /// Waits until the state on a Deployment has this message.
    pub(crate) async fn says(&self, name: &str, message: &str) -> Result<()> {
        let deployments: Api<Deployment> = Api::namespaced(self.stage.plane.client()?, &self.namespace);
        eventually(&format!("{name} says {message:?}"), LONG, async || {
            let deployment = deployments.get(name).await.map_err(|error| error.to_string())?;
            let says = message_of(&deployment);
            if says == message { Ok(()) } else { Err(says) }
        })
        .await
    }

    /// The base at `place` goes.
    pub(crate) async fn one_goes(&mut self, place: usize) -> Result<()> {
        let gone = self.nodes.remove(place);
        self.stage.plane.delete_base(&gone).await
    }

    /// A base comes.
    pub(crate) async fn one_comes(&mut self, name: &str) -> Result<()> {
        self.nodes.push(self.stage.plane.add_base(self.a_base(name)).await?);
        Ok(())
    }

    /// None of these bases was ever without the module since, and the scene has never had two Pods of it on one base.
    pub(crate) async fn untouched(&self, nodes: &[String], name: &str, since: Mark) -> Result<()> {
        let ledger = self.stage.plane.ledger();
        ledger.catch_up(LONG).await?;
        ensure!(!nodes.is_empty(), "there are no bases to judge");
        for node in nodes {
            let gap = ledger.was_ever_without(node, name, since);
            ensure!(gap.is_none(), "{gap:?}\n{}", ledger.now());
        }
        self.never_two(since).await
    }

    /// Of those Pods, the ones on bases that are still there are still the very same.
    pub(crate) async fn kept(&self, name: &str, before: &[(String, String)]) -> Result<()> {
        let now = self.pods_by_node(name).await?;
        let lost = before.iter().find(|pod| self.nodes.contains(&pod.0) && !now.contains(pod));
        ensure!(lost.is_none(), "{lost:?} is gone; pods are {now:?}, and were {before:?}");
        Ok(())
    }
}

fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("no node")
}

/// The message of the state that warden wrote on a Deployment.
fn message_of(deployment: &Deployment) -> String {
    let Some(state) = deployment.annotations().get(keys::PEER_STATE) else { return "no state".to_owned() };
    let message =
        serde_json::from_str::<Value>(state).ok().and_then(|state| Some(state["message"].as_str()?.to_owned()));
    message.unwrap_or_else(|| format!("no message in {state}"))
}
