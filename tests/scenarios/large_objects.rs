//! A tenant makes objects as large as the API server takes them, and warden's memory stays within its limit.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use warden_testbed::eventually;

use crate::manifests::Module;
use crate::memory_limit::{MEMORY, MemoryLimit, peak};
use crate::scene::Scene;

/// Objects of each sort. The Deployments' texts alone are more than the memory there is.
const DEPLOYMENTS: usize = 500;
const PODS: usize = 160;
const TEXT: usize = 200_000;

/// How many of the Deployments change while warden watches. etcd keeps every version, and has a quota.
const CHANGES: usize = 50;

/// Long enough for the controller-manager to see all of them on a busy machine, and for warden to tell of each and to label each Pod.
const CATCH_UP: Duration = Duration::from_secs(300);

/// How many are written at a time.
const AT_A_TIME: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_any_size_are_watched_in_bounded_memory() -> Result<()> {
    // Given peer Deployments from before warden whose texts do not fit into its memory, and Pods likewise
    let limit = MemoryLimit::new()?;
    let mut stage = limit.stage().await?;
    let client = stage.plane.client()?;
    let tenant = stage.plane.namespace("tenant").await?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &tenant);
    let pods: Api<Pod> = Api::namespaced(client, &tenant);
    create(&deployments, (0..DEPLOYMENTS).map(large_deployment)).await?;
    create(&pods, (0..PODS).map(large_pod)).await?;
    // The controller-manager writes the status of each, some of them a second: what comes later waits for that.
    let last = Module::new("last", "1.0.0", "no-such-base").deployment(0);
    create(&deployments, std::iter::once(last)).await?;
    eventually("the controller-manager has seen all", CATCH_UP, async || {
        let last = deployments.get_status("last").await.map_err(|error| error.to_string())?;
        let seen = last.status.and_then(|status| status.observed_generation);
        seen.map(|_| ()).ok_or_else(|| "it has not seen the last one".to_owned())
    })
    .await?;

    // When warden starts, and then many of them change
    stage.serve(&["--controllers=peer".to_owned()]).await?;
    let scene = Scene::with_bases(&stage, 3).await?;
    println!("{} at the start with {DEPLOYMENTS} Deployments and {PODS} Pods", peak(&stage)?);
    let touch = Patch::Merge(json!({"metadata": {"annotations": {"touched": "true"}}}));
    stream::iter(0..CHANGES)
        .map(|at| {
            let (deployments, touch) = (deployments.clone(), touch.clone());
            async move { deployments.patch_metadata(&name(at), &PatchParams::default(), &touch).await }
        })
        .buffer_unordered(AT_A_TIME)
        .try_for_each(async |_| Ok(()))
        .await?;
    println!("{} when {CHANGES} Deployments had changed", peak(&stage)?);

    // Then another tenant's peer is followed by the same process
    scene.apply(&scene.peer("biz1")).await?;
    let ledger = stage.plane.ledger();
    let runs = eventually("the other tenant's peer runs on each base", CATCH_UP, async || {
        let runs = ledger.now();
        let has = |node: &String| runs.versions(node, "biz1").iter().eq(["1.0.0"]);
        if scene.nodes.iter().all(has) { Ok(()) } else { Err(runs.to_string()) }
    });
    runs.await.with_context(|| stage.warden().map(|warden| warden.process().log_tail()).unwrap_or_default())?;
    // and the Deployments that warden keeps nothing of are left to their user, who is told
    let told = Scene { namespace: tenant, base: scene.base.clone(), nodes: Vec::new(), stage: &stage };
    told.hears(&name(0), "TooLarge", "more than 64 KiB of memory").await?;
    // and memory was bounded, in which the process would have ended otherwise
    let peak = peak(&stage)?;
    println!("{peak} in all");
    ensure!(peak.bytes < MEMORY, "{peak}");
    stage.kill_warden()
}

fn name(at: usize) -> String {
    format!("large-{at}")
}

/// Where an object is large. A long text costs the API server little, and a list of which it tracks who owns which element costs
/// it seconds: there are few of these.
#[derive(Clone, Copy)]
enum Ballast {
    /// In what warden leaves out: the value of a variable.
    Text,
    /// In what warden leaves out: many variables, which take twenty times their size once they are parsed.
    Variables,
    /// In what warden reads.
    Tolerations,
}

impl Ballast {
    fn of(at: usize) -> Self {
        match at % 250 {
            0 => Self::Tolerations,
            1 => Self::Variables,
            _ => Self::Text,
        }
    }

    fn add_to(self, spec: &mut Value) {
        let mut add = |variable| spec["containers"][0]["env"].as_array_mut().unwrap().push(variable);
        match self {
            Self::Text => add(json!({"name": "TEXT", "value": "x".repeat(TEXT)})),
            Self::Variables => (0..5_000).for_each(|at| add(json!({"name": format!("V{at}"), "value": "x"}))),
            Self::Tolerations => {
                let toleration = |at| json!({"key": format!("k{at}"), "operator": "Exists"});
                spec["tolerations"] = (0..8_000).map(toleration).collect();
            }
        }
    }
}

fn large_deployment(at: usize) -> Value {
    let mut object = Module::new(&name(at), "1.0.0", "no-such-base").deployment(0);
    object["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    object["spec"]["paused"] = json!(true);
    Ballast::of(at).add_to(&mut object["spec"]["template"]["spec"]);
    object
}

/// One that no scheduler binds.
fn large_pod(at: usize) -> Value {
    let mut object = Module::new(&name(at), "1.0.0", "no-such-base").pod();
    object["spec"]["schedulerName"] = json!("none");
    Ballast::Text.add_to(&mut object["spec"]);
    object
}

async fn create<K>(api: &Api<K>, objects: impl Iterator<Item = Value>) -> Result<()>
where
    K: Clone + serde::de::DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    stream::iter(objects)
        .map(|object| async move {
            let object = serde_json::from_value(object)?;
            api.create(&PostParams::default(), &object).await?;
            anyhow::Ok(())
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await
}
