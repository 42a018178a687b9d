//! How long it takes on a real control plane until a base that joins counts: from the write that makes its Node fit to the
//! answer to warden's write of the replicas, by the API server's own audit log.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;
use warden_testbed::{AuditLine, Base, Options, Stage, eventually};

const BASES: usize = 100;
/// So long after a write of the replicas the next one is made at once, see `--peer-window`.
const BETWEEN: Duration = Duration::from_millis(2500);
const LONG: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_warden"));
    let mut stage = Stage::raise(Options::new().audit_writes(), program, &[], root).await?;
    stage.serve(&[]).await?;
    let manifest = root.join("examples/samples/peer.yaml");
    stage.plane.kubectl(&["apply", "-f", manifest.to_str().context("a path")?]).await?.expect_success()?;
    let mut took = Vec::new();
    for number in 1..=BASES {
        let node = stage.plane.add_base(Base::new(format!("b{number}"))).await?;
        took.push(written_after(&stage, &node, number).await?);
        sleep(BETWEEN).await;
    }
    took.sort();
    let part = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!("{BASES} bases, one by one: p50 {:?}, p99 {:?}, longest {:?}", part(50), part(99), part(100));
    Ok(())
}

/// Waits until the replicas are `number`. Gives how long after the last write to the Node before it that was answered.
async fn written_after(stage: &Stage, node: &str, number: usize) -> Result<Duration> {
    let scales = |lines: &[AuditLine]| -> Vec<AuditLine> {
        lines.iter().filter(|line| line.uri.contains("/scale") && line.code == 200).cloned().collect()
    };
    let lines = eventually(&format!("{number} writes of replicas"), LONG, async || {
        let lines = stage.plane.audit().map_err(|error| error.to_string())?;
        let count = scales(&lines).len();
        if count == number { Ok(lines) } else { Err(count.to_string()) }
    })
    .await?;
    let scale = scales(&lines).pop().context("no write of replicas")?;
    let of_node = format!("/nodes/{node}");
    let joined = lines
        .iter()
        .filter(|line| line.uri.contains(&of_node) && line.received <= scale.received)
        .map(|line| line.received)
        .max()
        .context("no write to the Node")?;
    Ok(scale.answered.duration_since(joined).unsigned_abs())
}
