//! A ModuleController that restarts deletes the Nodes of healthy bases, and makes them again with their next heartbeat.

use std::time::Duration;

use anyhow::{Result, ensure};
use rstest::rstest;
use tokio::time::sleep;
use warden_testbed::{Options, Proxy};

use super::ends::{ONLY_WEBHOOKS, told};
use crate::scene::{Scene, raise};

const BASES: usize = 5;
/// Longer than warden waits before it follows a departure, in which it would write what it has decided on.
const AFTERWARDS: Duration = Duration::from_secs(20);

#[rstest]
#[case::one_at_once(1, 1)]
#[case::two(2, 6)]
#[case::four(4, 12)]
#[case::all(5, 12)]
#[tokio::test]
async fn bases_whose_nodes_are_soon_back_keep_their_pods(#[case] count: usize, #[case] seconds: u64) -> Result<()> {
    // Given five bases with the module, and the default settings
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[ONLY_WEBHOOKS.to_owned()]).await?;
    let proxy = Proxy::start(&stage.plane).await?;
    let _warden = stage.another_through(&proxy, &["--peer-departure=15".to_owned()]).await?;
    let scene = Scene::with_peers(&stage, BASES, "orders").await?;
    let (pods, since) = (scene.pods_by_node("orders").await?, stage.plane.ledger().mark());
    proxy.forget_writes();
    // When the Nodes of some are deleted and made again
    let names: Vec<_> = (0..count).map(|number| format!("b{number}")).collect();
    stage.plane.delete_bases(&scene.nodes[..count]).await?;
    sleep(Duration::from_secs(seconds)).await;
    stage.plane.add_bases(names.iter().map(|name| scene.a_base(name))).await?;
    sleep(AFTERWARDS).await;
    // Then warden has written nothing, and every Pod is still there
    ensure!(proxy.writes().is_empty(), "{}", told(&proxy));
    scene.has_pods("orders", &pods).await?;
    ensure!(scene.replicas("orders").await? == 5, "the replicas changed");
    if count < BASES {
        scene.untouched(&scene.nodes[count..], "orders", since).await?;
    }
    Ok(())
}
