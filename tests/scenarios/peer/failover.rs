//! Of several wardens one writes. It dies, or stands still, and another one takes over.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::time::sleep;
use warden_testbed::{AuditLine, Options, Proxy, Signal, Stage, WardenProcess, What, eventually};

use super::ends::{in_haste, told, webhooks_only};
use crate::scene::{LONG, Scene, raise};

/// For how long others wait for a sign of life of who holds the lease, see [`in_haste`].
const LEASE_DURATION: Duration = Duration::from_secs(3);

/// One of the wardens, which the audit log knows by its name.
struct Replica {
    name: String,
    proxy: Proxy,
    warden: WardenProcess,
}

impl Replica {
    async fn start(stage: &Stage, number: usize) -> Result<Self> {
        let (name, proxy) = (format!("warden-{number}"), Proxy::start(&stage.plane).await?);
        proxy.call_itself(&name)?;
        let warden = stage.another_through(&proxy, &in_haste()).await?;
        Ok(Self { name, proxy, warden })
    }

    /// Waits until it writes. Gives the time this took.
    async fn takes_over(&self) -> Result<Duration> {
        let began = Instant::now();
        eventually(&format!("{} writes", self.name), LONG, async || {
            if self.proxy.writes().is_empty() { Err("it has written nothing".to_owned()) } else { Ok(()) }
        })
        .await?;
        Ok(began.elapsed())
    }
}

#[tokio::test]
async fn another_one_takes_over_and_never_do_two_write() -> Result<()> {
    // Given five bases with the module, and two wardens, the first of which leads
    let mut stage = raise(Options::new().audit_writes()).await?;
    webhooks_only(&mut stage).await?;
    let mut replicas = vec![Replica::start(&stage, 0).await?];
    let mut scene = Scene::with_peers(&stage, 5, "steady").await?;
    replicas.push(Replica::start(&stage, 1).await?);
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("steady").await?);
    let staying = scene.nodes.clone();
    // When bases come and go all the time, and who leads is killed twice, and stopped and continued once
    let is_over = AtomicBool::new(false);
    let changes = async {
        let changed = change_leaders(&stage, &mut replicas).await;
        is_over.store(true, Ordering::Relaxed);
        changed
    };
    let (changes, x, y) = tokio::join!(changes, come_and_go(&scene, "x", &is_over), come_and_go(&scene, "y", &is_over));
    let (changes, (x, passed_x), (y, passed_y)) = (changes?, x?, y?);
    scene.nodes.extend([x, y].concat());
    // Then it ends right, and those who stayed have kept their Pods and were never without the module
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    scene.untouched(&staying, "steady", since).await?;
    // And each wrote only while it held the lease, and not after the next one had begun
    for replica in &replicas {
        wrote_only_with_the_lease(replica)?;
    }
    let order = took_turns(&stage.plane.audit()?)?;
    ensure!(order.len() == replicas.len(), "these wrote: {order:?}");
    println!("while {} bases came and went: {}", passed_x + passed_y, changes.join("; "));
    println!("by the audit log, in turns: {}", order.join(", "));
    Ok(())
}

/// Bases come one after the other and go again, two of them there at a time. Gives those that are there at the end, and how
/// many there were.
async fn come_and_go(scene: &Scene<'_>, name: &str, is_over: &AtomicBool) -> Result<(Vec<String>, usize)> {
    let plane = &scene.stage.plane;
    let (mut there, mut number) = (Vec::new(), 0);
    while !is_over.load(Ordering::Relaxed) {
        there.push(plane.add_base(scene.a_base(&format!("{name}{number}"))).await?);
        number += 1;
        if there.len() > 2 {
            plane.delete_base(&there.remove(0)).await?;
        }
    }
    Ok((there, number))
}

/// Puts an end to one leader after the other. Gives how long the next one took to write.
async fn change_leaders(stage: &Stage, replicas: &mut Vec<Replica>) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for round in 0..3 {
        sleep(LEASE_DURATION * 2).await;
        let (leader, next) = (&replicas[round], &replicas[round + 1]);
        ensure!(next.proxy.writes().is_empty(), "{} wrote: {}", next.name, self::told(&next.proxy));
        if round == 2 {
            leader.warden.process().signal(Signal::STOP)?;
            told.push(format!(
                "{} took over from one that stood still after {:?}",
                next.name,
                next.takes_over().await?
            ));
            leader.warden.process().signal(Signal::CONT)?;
        } else {
            replicas[round].warden.kill()?;
            let next = &replicas[round + 1];
            told.push(format!("{} took over from a killed one after {:?}", next.name, next.takes_over().await?));
            replicas.push(Replica::start(stage, round + 2).await?);
        }
    }
    // Long enough for the process that was continued to write what it must not.
    sleep(LEASE_DURATION * 2).await;
    Ok(told)
}

/// Each write came within the lease's duration after one by which it took or renewed the lease.
fn wrote_only_with_the_lease(replica: &Replica) -> Result<()> {
    let leases = replica.proxy.writes_of(What::Lease);
    let held: Vec<Instant> = leases
        .iter()
        .filter(|write| write.status.is_some_and(|status| status < 300))
        .filter(|write| write.body.as_ref().is_some_and(|lease| lease["spec"]["holderIdentity"] != ""))
        .map(|write| write.at)
        .collect();
    let is_held = |at: Instant| held.iter().any(|&since| since <= at && at < since + LEASE_DURATION);
    let stray = replica.proxy.writes().into_iter().find(|write| !is_held(write.at));
    ensure!(stray.is_none(), "{} wrote without the lease: {stray:?}", replica.name);
    Ok(())
}

/// Those who wrote replicas, marks and lines, in order: each had the last answer before the next one asked first.
fn took_turns(audit: &[AuditLine]) -> Result<Vec<String>> {
    let is_main = |line: &&AuditLine| {
        line.user_agent.starts_with("warden-") && (line.uri.contains("/deployments/") || line.uri.contains("/pods/"))
    };
    let lines: Vec<&AuditLine> = audit.iter().filter(is_main).collect();
    let names: BTreeSet<&str> = lines.iter().map(|line| line.user_agent.as_str()).collect();
    let mut terms = Vec::new();
    for name in names {
        let of = || lines.iter().filter(|line| line.user_agent == name);
        let first = of().map(|line| line.received).min().context("no line")?;
        let last = of().map(|line| line.answered).max().context("no line")?;
        terms.push((first, last, format!("{name} {} writes", of().count())));
    }
    terms.sort();
    for pair in terms.windows(2) {
        ensure!(pair[0].1 < pair[1].0, "{} wrote when {} already did: {lines:#?}", pair[0].2, pair[1].2);
    }
    Ok(terms.into_iter().map(|(_, _, told)| told).collect())
}
