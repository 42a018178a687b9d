//! Cut connections and slow answers.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::StreamExt;
use kube::api::ListParams;
use tokio::time::timeout;

use super::{LONG, Scene, create};

#[tokio::test]
async fn while_it_is_cut_nothing_passes() -> Result<()> {
    // Given a client with a watch
    let scene = Scene::new().await?;
    let behind = scene.behind().await?;
    let now = behind.list(&ListParams::default()).await?.metadata.resource_version.unwrap_or_default();
    let mut events = Box::pin(behind.watch(&Default::default(), &now).await?);
    // When everything is cut, then its watch ends and its requests fail
    scene.proxy.cut(true);
    let event = timeout(LONG, events.next()).await?;
    ensure!(!matches!(event, Some(Ok(_))), "{event:?}");
    ensure!(timeout(LONG, create(&behind, "a")).await?.is_err());
    ensure!(scene.proxy.writes().is_empty());
    // When it is over, then they pass
    scene.proxy.cut(false);
    create(&behind, "a").await?;
    Ok(())
}

#[tokio::test]
async fn answers_and_events_come_late() -> Result<()> {
    // Given a client with a watch, and a delay
    const DELAY: Duration = Duration::from_millis(700);
    let scene = Scene::new().await?;
    let behind = scene.behind().await?;
    let now = behind.list(&ListParams::default()).await?.metadata.resource_version.unwrap_or_default();
    let mut events = Box::pin(behind.watch(&Default::default(), &now).await?);
    scene.proxy.delay(DELAY);
    // When something is written past the proxy, then its event comes late
    let begun = Instant::now();
    create(&scene.direct()?, "a").await?;
    ensure!(matches!(timeout(LONG, events.next()).await?, Some(Ok(_))));
    ensure!(begun.elapsed() >= DELAY, "{:?}", begun.elapsed());
    // And answers do, until it is over
    let begun = Instant::now();
    behind.get("a").await?;
    ensure!(begun.elapsed() >= DELAY, "{:?}", begun.elapsed());
    scene.proxy.delay(Duration::ZERO);
    let begun = Instant::now();
    behind.get("a").await?;
    ensure!(begun.elapsed() < DELAY, "{:?}", begun.elapsed());
    Ok(())
}
