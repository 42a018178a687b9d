//! Very many bases come at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use warden_testbed::Options;

use crate::scene::{Scene, raise};

const BASES: usize = 100;
/// For how long the replicas are not written again, see `warden serve --help`.
const WINDOW: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_hundred_bases_that_join_together_are_a_few_writes() -> Result<()> {
    // Given a peer Deployment without a base
    let mut stage = raise(Options::new().audit_writes()).await?;
    stage.serve(&[]).await?;
    let mut scene = Scene::with_bases(&stage, 0).await?;
    scene.apply(&scene.peer("orders")).await?;
    scene.says("orders", "0/0 bases").await?;
    // When a hundred bases join
    let began = Instant::now();
    let bases: Vec<_> = (0..BASES).map(|number| scene.a_base(&format!("b{number}"))).collect();
    scene.nodes = stage.plane.add_bases(bases).await?;
    let joined = began.elapsed();
    // Then there are a hundred replicas, one on each
    scene.ends_right("orders").await?;
    // And that took one write at once and one at the end of each window
    let scales = stage.plane.audit()?.into_iter().filter(|line| line.uri.contains("/deployments/orders/scale"));
    let written = scales.filter(|line| line.code < 300).count();
    println!(
        "{BASES} bases joined within {joined:.1?}, {written} writes of replicas, all run after {:.1?}",
        began.elapsed()
    );
    // One more, for a watch may still be delivering them when they have joined.
    let allowed = 2 + usize::try_from(joined.as_millis().div_ceil(WINDOW.as_millis()))?;
    ensure!(written <= allowed.max(3), "{written} writes while they joined within {joined:?}");
    Ok(())
}
