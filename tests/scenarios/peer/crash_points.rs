//! warden dies just before and just after each write that it makes, and another one goes on.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rstest::rstest;
use serde_json::json;
use warden_testbed::{Moment, Options, Proxy, Stage, WardenProcess, Write, eventually};

use super::ends::{in_haste, told, webhooks_only};
use super::moving::{has_moved, other_bases};
use super::rollout::release;
use crate::scene::{LONG, Scene, raise};

/// Longer than any of the scenarios.
const WHOLE_SCENARIO: Duration = LONG.saturating_mul(5);

/// The process that writes, which is killed again and again. Another process serves the webhooks, and stays alive.
struct Mortal<'s> {
    stage: &'s Stage,
    proxy: Proxy,
    warden: WardenProcess,
}

impl<'s> Mortal<'s> {
    async fn born(stage: &'s Stage) -> Result<Self> {
        let proxy = Proxy::start(&stage.plane).await?;
        let warden = stage.another_through(&proxy, &in_haste()).await?;
        Ok(Self { stage, proxy, warden })
    }

    /// Plays `scenario`, in which it dies at this write and is born again. Gives the write; none where the scenario ended
    /// before it came to that.
    async fn dies_at(
        &mut self,
        number: usize,
        moment: Moment,
        scenario: impl Future<Output = Result<()>>,
    ) -> Result<Option<Write>> {
        self.proxy.forget_writes();
        self.proxy.stop_at(number, moment);
        let mut scenario = pin!(scenario);
        let write = tokio::select! {
            ended = &mut scenario => {
                self.tell(ended)?;
                return Ok(None);
            }
            write = self.proxy.reached(WHOLE_SCENARIO) => write?,
        };
        self.warden.kill()?;
        // The next process need not wait until the lease of the killed one runs out: another test does.
        let delete = ["-n", "koupleless-warden", "delete", "lease", "koupleless-warden"];
        self.stage.plane.kubectl(&delete).await?.expect_success()?;
        self.proxy.release();
        self.warden = self.stage.another_through(&self.proxy, &in_haste()).await?;
        let ended = scenario.await.with_context(|| format!("killed {moment:?} {write}"));
        self.tell(ended)?;
        Ok(Some(write))
    }

    fn tell(&self, ended: Result<()>) -> Result<()> {
        ended.with_context(|| format!("{}\n{}", told(&self.proxy), self.warden.process().log_tail()))
    }
}

#[rstest]
#[case::before_it(Moment::Before)]
#[case::after_it(Moment::After)]
#[tokio::test]
async fn a_departure_and_an_arrival_end_right_at_whatever_write_warden_dies(#[case] moment: Moment) -> Result<()> {
    // Given five bases with the module
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let mut mortal = Mortal::born(&stage).await?;
    let mut scene = Scene::with_peers(&stage, 5, "steady").await?;
    let (began, mut writes) = (Instant::now(), 0);
    for number in 1.. {
        // When one goes and then another one comes, and warden dies at this write, then it ends right
        let name = format!("new{number}");
        let scenario = one_goes_and_one_comes(&mut scene, number % 5, &name);
        let Some(write) = mortal.dies_at(number, moment, scenario).await? else { break };
        println!("  killed {moment:?} {write}");
        writes = number;
    }
    // Then that was every write: one that marks, one that deletes, two of replicas, two that tell
    ensure!(writes >= 6, "only {writes} writes");
    println!("departure and arrival: killed {moment:?} each of {writes} writes, {:?}", began.elapsed());
    Ok(())
}

async fn one_goes_and_one_comes(scene: &mut Scene<'_>, place: usize, name: &str) -> Result<()> {
    let (since, before) = (scene.stage.plane.ledger().mark(), scene.pods_by_node("steady").await?);
    scene.one_goes(place).await?;
    scene.ends_right("steady").await?;
    let staying = scene.nodes.clone();
    scene.one_comes(name).await?;
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    scene.untouched(&staying, "steady", since).await
}

#[rstest]
#[case::before_it(Moment::Before)]
#[case::after_it(Moment::After)]
#[tokio::test]
async fn an_owned_peer_without_labels_ends_right_at_whatever_write_warden_dies(#[case] moment: Moment) -> Result<()> {
    // Given three bases with the module, whose Deployment belongs to another object
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let mut mortal = Mortal::born(&stage).await?;
    let mut scene = Scene::with_peers(&stage, 3, "steady").await?;
    scene.kubectl(&["create", "configmap", "owner"]).await?.expect_success()?;
    let owner = &scene.get("configmap/owner").await?["metadata"]["uid"];
    let owned = json!({"metadata": {"ownerReferences": [{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner, "controller": true,
    }]}});
    let patch = ["patch", "deployment/steady", "--type=merge", "-p", &owned.to_string()];
    scene.kubectl(&patch).await?.expect_success()?;
    let (began, mut writes) = (Instant::now(), 0);
    for number in 1.. {
        // When its Pods lose their labels, its owner writes a number, one goes and another one comes, and warden dies at this write
        let name = format!("new{number}");
        let scenario = async {
            takes_labels_off(&scene, "steady").await?;
            scene.kubectl(&["scale", "deployment/steady", "--replicas=1"]).await?;
            one_goes_and_one_comes(&mut scene, number % 3, &name).await
        };
        let Some(write) = mortal.dies_at(number, moment, scenario).await? else { break };
        println!("  killed {moment:?} {write}");
        writes = number;
    }
    // Then that was every write: those of a departure and an arrival, and the labels
    ensure!(writes >= 8, "only {writes} writes");
    println!("without labels: killed {moment:?} each of {writes} writes, {:?}", began.elapsed());
    Ok(())
}

/// By a way on which no webhook puts them back.
async fn takes_labels_off(scene: &Scene<'_>, module: &str) -> Result<()> {
    let label = format!("module.warden.koupleless.io/{module}");
    let patch = json!({"metadata": {"labels": {label: null}}}).to_string();
    for pod in scene.list("pods").await?.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()) {
        let name = pod["metadata"]["name"].as_str().context("a Pod without a name")?;
        let unlabel = ["patch", "pod", name, "--subresource=status", "--type=merge", "-p", &patch];
        scene.kubectl(&unlabel).await?.expect_success()?;
    }
    Ok(())
}

#[rstest]
#[case::before_it(Moment::Before)]
#[case::after_it(Moment::After)]
#[tokio::test]
async fn a_move_to_fewer_bases_ends_right_at_whatever_write_warden_dies(#[case] moment: Moment) -> Result<()> {
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let mut mortal = Mortal::born(&stage).await?;
    let (began, mut writes) = (Instant::now(), 0);
    for number in 1.. {
        // Given two bases with the module, and another one without
        let scene = Scene::with_bases(&stage, 2).await?;
        let (other, others) = other_bases(&scene, 1).await?;
        // When a new version is for the other, and warden dies at this write, then it ends there
        let Some(write) = mortal.dies_at(number, moment, moves(scene, &other, others)).await? else { break };
        println!("  killed {moment:?} {write}");
        writes = number;
    }
    // Then that was every write: at least those of the replicas, and those that tell
    ensure!(writes >= 3, "only {writes} writes");
    println!("a move: killed {moment:?} each of {writes} writes, {:?}", began.elapsed());
    Ok(())
}

async fn moves(mut scene: Scene<'_>, other: &str, others: Vec<String>) -> Result<()> {
    let ledger = scene.stage.plane.ledger();
    scene.apply(&release("1.0.0", &scene.base)).await?;
    scene.ends_right("orders").await?;
    let since = ledger.mark();
    scene.apply(&release("2.0.0", other)).await?;
    eventually("the module has moved", WHOLE_SCENARIO, async || has_moved(&scene, &others)).await?;
    scene.says("orders", "1/1 bases").await?;
    scene.nodes = others;
    scene.never_two(since).await
}

#[rstest]
#[case::before_it(Moment::Before)]
#[case::after_it(Moment::After)]
#[tokio::test]
async fn upstreams_scenario_ends_right_at_whatever_write_warden_dies(#[case] moment: Moment) -> Result<()> {
    // Given no base
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let mut mortal = Mortal::born(&stage).await?;
    let (began, mut writes) = (Instant::now(), 0);
    for number in 1.. {
        // When upstream's scenario is played, and warden dies at this write, then it ends right
        let scene = Scene::with_bases(&stage, 0).await?;
        let Some(write) = mortal.dies_at(number, moment, upstreams(scene)).await? else { break };
        println!("  killed {moment:?} {write}");
        writes = number;
    }
    // Then that was every write: two that mark, two that delete, four of replicas, six that tell
    ensure!(writes >= 14, "only {writes} writes");
    println!("upstream's scenario: killed {moment:?} each of {writes} writes, {:?}", began.elapsed());
    Ok(())
}

/// ModuleController's own scenario: two bases come, a Deployment for others is made, and both go again.
async fn upstreams(mut scene: Scene<'_>) -> Result<()> {
    let ledger = scene.stage.plane.ledger();
    scene.apply(&scene.peer("orders")).await?;
    scene.ends_right("orders").await?;
    scene.one_comes("a").await?;
    scene.ends_right("orders").await?;
    let since = ledger.mark();
    scene.one_comes("b").await?;
    scene.ends_right("orders").await?;
    let mut other = scene.peer("elsewhere");
    other["metadata"]["annotations"]["base.koupleless.io/cluster-name"] = json!("another");
    scene.apply(&other).await?;
    scene.one_goes(1).await?;
    scene.ends_right("orders").await?;
    scene.untouched(&scene.nodes, "orders", since).await?;
    scene.one_goes(0).await?;
    scene.ends_right("orders").await?;
    ensure!(scene.replicas("elsewhere").await? == 0, "the other has replicas");
    scene.says("elsewhere", "0/0 bases").await
}
