//! A new version of the module while bases come and go.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;
use warden_testbed::{READY_ANNOTATION, eventually};

use super::ready_pods::ReadyPods;
use crate::manifests::Module;
use crate::scene::{LONG, Scene, shared};

const NEW: &str = "2.0.0";
const BASES: usize = 8;
/// What a rollout may take: also the time until Kubernetes collects the Pods of Nodes that are not there.
const ROLLOUT: Duration = Duration::from_secs(240);
/// Enough for warden to do what it would do in the middle of a rollout: it waits for 2 s after a departure.
const A_WHILE: Duration = Duration::from_secs(4);

/// The peer Deployment in `version` for bases called `base`, rolled out without ever taking a Pod away first.
pub(super) fn release(version: &str, base: &str) -> Value {
    let mut manifest = Module::new("orders", version, base).deployment(1);
    manifest["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    manifest["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    manifest
}

/// One at a time: with a larger `maxSurge` Kubernetes itself, bases coming and going or not, may take the old Pod of a base
/// whose new one is not Ready yet. It takes from bases with two Pods, whether they are Ready or not.
#[tokio::test]
async fn bases_come_and_go_in_a_rollout() -> Result<()> {
    // Given eight bases with the module
    let stage = shared().await?;
    let ledger = stage.plane.ledger();
    let mut scene = Scene::with_bases(stage, BASES).await?;
    scene.apply(&release("1.0.0", &scene.base)).await?;
    scene.ends_right("orders").await?;
    scene.rolled_out("deployment/orders").await?;
    let (since, ready) = (ledger.mark(), ReadyPods::follow(&scene, "orders").await?);
    // When a new version is rolled out, whose Pods turn Ready when the test says so
    let mut new = release(NEW, &scene.base);
    new["spec"]["template"]["metadata"]["annotations"] = json!({READY_ANNOTATION: "never"});
    scene.apply(&new).await?;
    // And has come to a base, and waits on another
    scene.first_ones_turn_ready().await?;
    let renewed = scene.a_base_that_runs(&[NEW]).await?;
    scene.a_base_that_runs(&["1.0.0", NEW]).await?;
    // And a base comes; one goes that has the old one only, and then the one that has the new one
    scene.one_comes("joins").await?;
    scene.replicas_become("orders", BASES + 1).await?;
    let unchanged = scene.a_base_that_runs(&["1.0.0"]).await?;
    for gone in [unchanged, renewed] {
        sleep(A_WHILE).await;
        let place = scene.nodes.iter().position(|node| *node == gone).context("it is not there")?;
        scene.one_goes(place).await?;
    }
    sleep(A_WHILE).await;
    println!("in the middle: {} replicas\n{}", scene.replicas("orders").await?, scene.runs());
    // When the other Pods turn Ready, then each base runs the new version and nothing else, and all is in order
    let finished = eventually("each base runs the new version", ROLLOUT, async || {
        scene.new_ones_turn_ready().await.map_err(|error| error.to_string())?;
        let is_right = |node: &String| ledger.now().versions(node, "orders").into_iter().eq([NEW.to_owned()]);
        if scene.nodes.iter().all(is_right) { Ok(()) } else { Err(scene.runs()) }
    });
    if let Err(error) = finished.await {
        return Err(error.context(scene.kubectl(&["get", "deploy,rs,pods,events", "-o", "wide"]).await?.stdout));
    }
    scene.replicas_become("orders", BASES - 1).await?;
    scene.says("orders", &format!("{0}/{0} bases", BASES - 1)).await?;
    scene.rolled_out("deployment/orders").await?;
    // And on no base that was there throughout it was ever missing or not Ready, nor twice there in one version
    let joined = scene.nodes.pop().context("no base joined")?;
    scene.never_without("orders", since).await?;
    ready.were_always_on(&scene.nodes).await?;
    scene.nodes.push(joined);
    scene.never_two(since).await?;
    let events = "custom-columns=REASON:.reason,MESSAGE:.message";
    let by_warden = "--field-selector=involvedObject.kind=Deployment,source=koupleless-warden";
    scene.show(&["get", "events", by_warden, "-o", events]).await
}

impl Scene<'_> {
    /// The Pods of the new version that are on a base and held back from turning Ready.
    async fn held_back(&self) -> Result<Vec<String>> {
        let is_held = |pod: &&Value| {
            pod["metadata"].get("deletionTimestamp").is_none()
                && pod["metadata"]["annotations"][READY_ANNOTATION] == "never"
                && pod["spec"].get("nodeName").is_some()
        };
        let pods = self.list("pods").await?;
        Ok(pods.iter().filter(is_held).filter_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned())).collect())
    }

    /// Lets them turn Ready. Gives how many those are.
    pub(super) async fn new_ones_turn_ready(&self) -> Result<usize> {
        let pods = self.held_back().await?;
        for pod in &pods {
            let released = self.kubectl(&["annotate", "pod", pod, &format!("{READY_ANNOTATION}-")]).await?;
            ensure!(released.success || released.stderr.contains("not found"), "{}", released.stderr);
        }
        Ok(pods.len())
    }

    /// Waits for the first ones, and lets them turn Ready.
    async fn first_ones_turn_ready(&self) -> Result<()> {
        eventually("a Pod of the new version turns Ready", LONG, async || {
            match self.new_ones_turn_ready().await.map_err(|error| error.to_string())? {
                0 => Err("none is there".to_owned()),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Waits until one of the scene's bases runs the module in these versions, and gives the first that does.
    async fn a_base_that_runs(&self, versions: &[&str]) -> Result<String> {
        let ledger = self.stage.plane.ledger();
        ledger
            .wait_until(&format!("a base runs {versions:?}"), LONG, |ledger| {
                let runs = |node: &&String| ledger.versions(node, "orders").iter().eq(versions);
                self.nodes.iter().find(runs).cloned().ok_or_else(|| "none does".to_owned())
            })
            .await
    }

    /// What each of the scene's bases runs, for a person to read.
    fn runs(&self) -> String {
        let ledger = self.stage.plane.ledger().now();
        let line = |node: &String| format!("  {node}: {:?}", ledger.versions(node, "orders"));
        self.nodes.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
