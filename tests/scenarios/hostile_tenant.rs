//! A tenant with the rights of `edit` in one namespace makes as much of everything as the API server takes, and others are served
//! meanwhile.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use warden_testbed::{Stage, eventually};

use crate::manifests::Module;
use crate::memory_limit::{MEMORY, MemoryLimit, peak};
use crate::scene::{LONG, Scene};

/// Objects of the tenant.
const DEPLOYMENTS: usize = 500;
const PODS: usize = 100;
/// How many are written at a time.
const AT_A_TIME: usize = 4;
/// Reviews of others, one after the other, of which the latency is measured.
const REVIEWS: usize = 100;
/// What one namespace may log: so much at once and a second, in each of the parts that log about objects (Events, failed writes,
/// reviews).
const LINES: (usize, usize, usize) = (3, 200, 20);
/// The longest line of the log: an Event has 1024 bytes, an error 2048, and names and other fields come beside them.
const LONGEST_LINE: usize = 8 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tenant_does_not_take_warden_from_the_others() -> Result<()> {
    // Given hundreds of a tenant's objects, whose texts have any length, under a limit of memory
    let limit = MemoryLimit::new()?;
    let mut stage = limit.stage().await?;
    stage.serve(&["--controllers=peer".to_owned()]).await?;
    let client = stage.plane.client()?;
    let tenant = Tenant { client: client.clone(), namespace: stage.plane.namespace("hostile").await? };
    tenant.fill().await?;
    let scene = Scene::with_bases(&stage, 3).await?;
    let quiet = review(&client, &scene).await?;
    let at_rest = Usage::of(&stage).await?;

    // When the tenant writes all the time, and another one's modules are reviewed and deployed
    let (began, writes) = (Instant::now(), AtomicUsize::new(0));
    let others = async {
        let busy = review(&client, &scene).await?;
        scene.apply(&scene.peer("biz1")).await?;
        let ledger = stage.plane.ledger();
        eventually("the other tenant's peer runs on each base", LONG, async || {
            let runs = ledger.now();
            let has = |node: &String| runs.versions(node, "biz1").iter().eq(["1.0.0"]);
            if scene.nodes.iter().all(has) { Ok(()) } else { Err(runs.to_string()) }
        })
        .await
        .with_context(|| stage.warden().map(|warden| warden.process().log_tail()).unwrap_or_default())?;
        stage.plane.add_base(scene.a_base("later")).await?;
        scene.hears("biz1", "ReplicasSynced", "4 bases fit").await?;
        anyhow::Ok(busy)
    };
    let busy = tokio::select! {
        others = others => others?,
        flood = tenant.flood(&writes) => flood.and_then(|()| anyhow::bail!("the flood has an end"))?,
    };
    let took = began.elapsed();

    // Then each review was answered, and it took
    let usage = Usage::of(&stage).await?;
    println!("{DEPLOYMENTS} Deployments and {PODS} Pods of one tenant; others' reviews through the API server:");
    println!("  before: {quiet}");
    println!("  during: {busy}, beside {} writes of the tenant in {took:.1?}", writes.load(Ordering::Relaxed));
    let share = (usage.cpu - at_rest.cpu).as_secs_f64() / took.as_secs_f64();
    let (sum, count) = (usage.reviewing - at_rest.reviewing, usage.reviews - at_rest.reviews);
    println!("  warden: {:.0} % of one CPU, {:.1} ms in each of {count} reviews", share * 100.0, sum / count * 1000.0);
    // and memory was bounded
    let peak = peak(&stage)?;
    println!("  warden: {peak}, of {} MiB", MEMORY >> 20);
    ensure!(peak.bytes < MEMORY, "{peak}");
    // and so was what the tenant's objects made warden log
    let log = fs::read_to_string(stage.warden()?.process().log())?;
    let longest = log.lines().map(str::len).max().unwrap_or(0);
    let lines = log.lines().filter(|line| line.contains(&tenant.namespace) && !line.contains("DEBUG")).count();
    println!("  warden: {lines} lines about the tenant, and no line has more than {longest} bytes");
    ensure!(longest < LONGEST_LINE, "{longest} bytes in one line");
    let (parts, burst, rate) = LINES;
    let since_its_start = usage.since_its_start.as_secs_f64().ceil() as usize;
    ensure!(lines <= parts * (burst + rate * since_its_start), "{lines} lines in {since_its_start} s");
    stage.kill_warden()
}

/// The latencies of reviews.
struct Latencies(Vec<Duration>);

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |percent: usize| self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)];
        write!(f, "p50 {:.1?}, p99 {:.1?} of {}", at(50), at(99), self.0.len())
    }
}

/// Creations of another tenant's module Pod, each of which must be admitted and filled in. They are not stored.
async fn review(client: &Client, scene: &Scene<'_>) -> Result<Latencies> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &scene.namespace);
    let pod: Pod = serde_json::from_value(Module::new("reviewed", "1.0.0", &scene.base).pod())?;
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let mut all = Vec::new();
    for _ in 0..REVIEWS {
        let began = Instant::now();
        let reviewed = pods.create(&dry_run, &pod).await?;
        all.push(began.elapsed());
        let tolerations = reviewed.spec.and_then(|spec| spec.tolerations).unwrap_or_default();
        ensure!(tolerations.len() >= 4, "admitted, but not filled in: {tolerations:?}");
    }
    all.sort_unstable();
    Ok(Latencies(all))
}

/// What warden's process has used.
struct Usage {
    cpu: Duration,
    /// How many reviews it has answered, and the seconds in which it did: of both, those that fill in.
    reviews: f64,
    reviewing: f64,
    since_its_start: Duration,
}

impl Usage {
    /// From `/proc`, whose clock has 100 ticks a second.
    async fn of(stage: &Stage) -> Result<Self> {
        let pid = stage.warden()?.process().pid();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit_once(')').context("no name")?.1.split_whitespace().collect();
        let ticks = |field: usize| -> Result<u64> { Ok(fields.get(field).context("no such field")?.parse()?) };
        let uptime = fs::read_to_string("/proc/uptime")?;
        let uptime: f64 = uptime.split_whitespace().next().context("no uptime")?.parse()?;
        let started = Duration::from_millis(ticks(19)? * 10);
        let cpu = Duration::from_millis((ticks(11)? + ticks(12)?) * 10);
        let metrics = stage.warden()?.metrics().await?;
        let metric = |name: &str| -> Result<f64> {
            let name = format!("warden_admission_review_duration_seconds_{name}{{endpoint=\"mutate\"}} ");
            Ok(metrics.lines().find_map(|line| line.strip_prefix(&name)).context(name.clone())?.parse()?)
        };
        let since_its_start = Duration::from_secs_f64(uptime).saturating_sub(started);
        Ok(Self { cpu, reviews: metric("count")?, reviewing: metric("sum")?, since_its_start })
    }
}

/// The attacker.
struct Tenant {
    client: Client,
    namespace: String,
}

impl Tenant {
    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates all objects.
    async fn fill(&self) -> Result<()> {
        let (deployments, pods) = (self.deployments(), self.pods());
        stream::iter(0..DEPLOYMENTS)
            .map(|at| {
                let deployments = deployments.clone();
                async move {
                    let deployment: Deployment = serde_json::from_value(deployment(at))?;
                    deployments.create(&PostParams::default(), &deployment).await.with_context(|| at.to_string())?;
                    anyhow::Ok(())
                }
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect::<()>()
            .await?;
        stream::iter(0..PODS)
            .map(|at| {
                let pods = pods.clone();
                async move {
                    let pod: Pod = serde_json::from_value(pod(at))?;
                    pods.create(&PostParams::default(), &pod).await.with_context(|| at.to_string())?;
                    anyhow::Ok(())
                }
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    /// Writes for ever, and counts what was written.
    async fn flood(&self, writes: &AtomicUsize) -> Result<()> {
        let (deployments, pods) = (self.deployments(), self.pods());
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        stream::iter(0_usize..)
            .map(|at| {
                let (deployments, pods, dry_run) = (deployments.clone(), pods.clone(), dry_run.clone());
                async move {
                    match at % 16 {
                        // Another Event each time, about another Deployment
                        0..10 => {
                            let workload = format!("victim/StatefulSet/base-{at}");
                            let patch = json!({"metadata": {"annotations": {"warden.koupleless.io/follow": workload}}});
                            let (name, patch) = (name(at % DEPLOYMENTS), Patch::Merge(patch));
                            // It fails where warden has no time for it.
                            let _ = deployments.patch_metadata(&name, &PatchParams::default(), &patch).await;
                        }
                        // A refusal, which is logged
                        10..14 => {
                            let mut refused = Module::new("refused", "1.0.0", "none").pod();
                            refused["spec"]["containers"][0]["env"] = json!([]);
                            let refused: Pod = serde_json::from_value(refused)?;
                            ensure!(
                                pods.create(&dry_run, &refused).await.is_err(),
                                "a module without a version was admitted"
                            );
                        }
                        // A jar whose file name has a place for the version at each dash
                        14 => {
                            let mut jar = Module::new("hostile", "1.0.0", "none").pod();
                            let of_version = format!("https://x/{}.jar", "a-".repeat(1 << 19));
                            let of_versions = format!("https://x/a-{}.jar", "1.-".repeat(1 << 18));
                            let container = &mut jar["spec"]["containers"][0];
                            container["image"] = json!(if at % 32 < 16 { of_version } else { of_versions });
                            container["env"] = json!([{"name": "BIZ_VERSION", "value": "a-".repeat(1 << 18)}]);
                            let jar: Pod = serde_json::from_value(jar)?;
                            ensure!(pods.create(&dry_run, &jar).await.is_err(), "a version of 512 KiB was admitted");
                        }
                        // A name that the API server refuses, but not before warden has read it
                        _ => {
                            let long: Pod =
                                serde_json::from_value(Module::new(&"n".repeat(1 << 20), "1.0.0", "none").pod())?;
                            ensure!(pods.create(&dry_run, &long).await.is_err(), "a name of 1 MiB was admitted");
                        }
                    }
                    writes.fetch_add(1, Ordering::Relaxed);
                    anyhow::Ok(())
                }
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }
}

/// Names from one byte on to the limit.
fn name(at: usize) -> String {
    let number = format!("d{at}");
    if at.is_multiple_of(3) { format!("{number}-{}", "n".repeat(252 - number.len())) } else { number }
}

/// Labels and annotations of each length that there can be.
fn texts(at: usize) -> (Value, Value) {
    let of = |count: usize, key: &dyn Fn(usize) -> String, value: String| -> serde_json::Map<String, Value> {
        (0..count).map(|number| (key(number), json!(value))).collect()
    };
    let longest = |number: usize| format!("{}.io/{}{number:03}", "p".repeat(250), "k".repeat(60));
    let short = |number: usize| char::from(b'a' + (number % 26) as u8).to_string();
    let (labels, mut annotations) = match at % 20 {
        0 => (of(300, &longest, "v".repeat(63)), of(1, &longest, "v".repeat(200_000))),
        1 => (of(0, &longest, String::new()), of(700, &longest, "v".to_owned())),
        _ => (of(26, &short, "v".to_owned()), of(26, &short, String::new())),
    };
    if at % 20 == 2 {
        // What a controller reads back as its own
        annotations.insert("state.warden.koupleless.io/peer".to_owned(), json!("{".repeat(150_000)));
    }
    (labels.into(), annotations.into())
}

/// A peer Deployment that follows what it may not.
fn deployment(at: usize) -> Value {
    let (mut labels, mut annotations) = texts(at);
    labels["virtual-kubelet.koupleless.io/strategy"] = json!("peer");
    annotations["base.koupleless.io/name"] = json!("none");
    annotations["warden.koupleless.io/follow"] = json!(format!("victim/StatefulSet/base-{at}"));
    let mut object = Module::new("hostile", "1.0.0", "none").deployment(0);
    object["metadata"] = json!({"name": name(at), "labels": labels, "annotations": annotations});
    object["spec"]["paused"] = json!(true);
    object
}

/// A module Pod that no scheduler binds.
fn pod(at: usize) -> Value {
    let (mut labels, mut annotations) = texts(at);
    labels["virtual-kubelet.koupleless.io/component"] = json!("module");
    annotations["base.koupleless.io/name"] = json!("none");
    let mut object = Module::new("hostile", "1.0.0", "none").pod();
    object["metadata"] = json!({"name": name(at), "labels": labels, "annotations": annotations});
    object["spec"]["schedulerName"] = json!("none");
    object
}
