//! The API server and what is behind it are away, slow, or out of sight for a while.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::sleep;
use warden_testbed::{Component, Options, Proxy};

use super::ends::{in_haste, numbers_written, told, webhooks_only};
use crate::scene::{Scene, raise};

/// Longer than the lease lasts, so that warden has to take it anew.
const AWAY: Duration = Duration::from_secs(5);

/// What happens to the API server.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// It is killed and started again.
    Restarted,
    /// Its watches end, and what they would have shown last is lost.
    WatchesCut,
    /// warden cannot reach it at all.
    OutOfReach,
    /// Its etcd answers nothing for a while.
    EtcdSlow,
    /// All answers and all events are late.
    Late,
}

#[tokio::test]
async fn trouble_with_the_api_server_leads_to_no_wrong_write() -> Result<()> {
    // Given five bases with the module
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let proxy = Proxy::start(&stage.plane).await?;
    let warden = stage.another_through(&proxy, &in_haste()).await?;
    let mut scene = Scene::with_peers(&stage, 5, "steady").await?;
    use Trouble::{EtcdSlow, Late, OutOfReach, Restarted, WatchesCut};
    for (number, trouble) in
        [Restarted, WatchesCut, OutOfReach, EtcdSlow, Late, Restarted, WatchesCut, EtcdSlow].into_iter().enumerate()
    {
        in_trouble(&mut scene, &proxy, number, trouble)
            .await
            .with_context(|| format!("{trouble:?}: {}\n{}", told(&proxy), warden.process().log_tail()))?;
    }
    Ok(())
}

async fn in_trouble(scene: &mut Scene<'_>, proxy: &Proxy, number: usize, trouble: Trouble) -> Result<()> {
    let plane = &scene.stage.plane;
    let (since, before) = (plane.ledger().mark(), scene.pods_by_node("steady").await?);
    proxy.forget_writes();
    // When a base goes and another one comes, with trouble around
    let name = format!("new{number}");
    match trouble {
        Trouble::Restarted => {
            scene.one_goes(number % 5).await?;
            plane.restart(Component::ApiServer).await?;
            scene.one_comes(&name).await?;
        }
        Trouble::WatchesCut => {
            proxy.freeze_watches();
            scene.one_goes(number % 5).await?;
            scene.one_comes(&name).await?;
            proxy.cut_watches();
            proxy.thaw_watches();
        }
        Trouble::OutOfReach => {
            proxy.cut(true);
            scene.one_goes(number % 5).await?;
            scene.one_comes(&name).await?;
            sleep(AWAY).await;
            proxy.cut(false);
        }
        Trouble::EtcdSlow => {
            scene.one_goes(number % 5).await?;
            plane.pause(Component::Etcd)?;
            sleep(AWAY).await;
            plane.resume(Component::Etcd)?;
            scene.one_comes(&name).await?;
        }
        Trouble::Late => {
            proxy.delay(Duration::from_millis(700));
            scene.one_goes(number % 5).await?;
            scene.one_comes(&name).await?;
            sleep(AWAY).await;
            proxy.delay(Duration::ZERO);
        }
    }
    // Then it ends right, and the others have kept their Pods and were never without the module
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    let staying: Vec<String> =
        scene.nodes.iter().filter(|node| before.iter().any(|(there, _)| there == *node)).cloned().collect();
    scene.untouched(&staying, "steady", since).await?;
    // And the numbers written were right ones: with the new base, or before it
    let written = numbers_written(proxy);
    println!("{trouble:?}: replicas written {written:?}, {} writes in all", proxy.writes().len());
    ensure!(written.iter().all(|number| [4, 5].contains(number)), "{written:?}");
    Ok(())
}
