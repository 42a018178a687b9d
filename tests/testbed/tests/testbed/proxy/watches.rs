//! Frozen and cut watches.

use std::pin::Pin;

use anyhow::{Result, ensure};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt};
use tokio::time::timeout;

use super::{LONG, MOMENT, Scene, create};

type Events = Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<ConfigMap>>> + Send>>;

/// A watch from now on.
async fn watch(api: &Api<ConfigMap>) -> Result<Events> {
    let now = api.list(&ListParams::default()).await?.metadata.resource_version.unwrap_or_default();
    let only = WatchParams::default().fields("metadata.name!=kube-root-ca.crt");
    Ok(api.watch(&only, &now).await?.boxed())
}

/// The name of the next object that was added.
async fn added(events: &mut Events) -> Result<String> {
    match timeout(LONG, events.next()).await? {
        Some(Ok(WatchEvent::Added(object))) => Ok(object.name_any()),
        other => anyhow::bail!("came instead: {other:?}"),
    }
}

async fn nothing_comes(events: &mut Events) -> Result<()> {
    let came = timeout(MOMENT, events.next()).await;
    ensure!(came.is_err(), "came: {came:?}");
    Ok(())
}

#[tokio::test]
async fn frozen_events_come_in_order_when_they_are_thawed() -> Result<()> {
    // Given a watch through the proxy
    let scene = Scene::new().await?;
    let (behind, direct) = (scene.behind().await?, scene.direct()?);
    let mut events = watch(&behind).await?;
    create(&direct, "a").await?;
    ensure!(added(&mut events).await? == "a");
    // When watches are frozen, then no event comes, also not of a watch that begins now, and lists are fresh
    scene.proxy.freeze_watches();
    let mut second = watch(&behind).await?;
    for name in ["b", "c", "d"] {
        create(&direct, name).await?;
    }
    nothing_comes(&mut events).await?;
    nothing_comes(&mut second).await?;
    let names: Vec<String> = behind.list(&ListParams::default()).await?.iter().map(ResourceExt::name_any).collect();
    ensure!(["a", "b", "c", "d"].iter().all(|&name| names.iter().any(|there| there == name)), "{names:?}");
    // When they are thawed, then all come in order
    scene.proxy.thaw_watches();
    for name in ["b", "c", "d"] {
        ensure!(added(&mut events).await? == name);
        ensure!(added(&mut second).await? == name);
    }
    Ok(())
}

#[tokio::test]
async fn watches_of_one_resource_are_frozen_alone() -> Result<()> {
    // Given a watch of config maps
    let scene = Scene::new().await?;
    let (behind, direct) = (scene.behind().await?, scene.direct()?);
    let mut events = watch(&behind).await?;
    // When watches of nodes are frozen, then nothing changes for it
    scene.proxy.freeze_watches_of(&["nodes"]);
    create(&direct, "a").await?;
    ensure!(added(&mut events).await? == "a");
    // When its own are, then its events stay away
    scene.proxy.freeze_watches_of(&["nodes", "configmaps"]);
    create(&direct, "b").await?;
    nothing_comes(&mut events).await
}

#[tokio::test]
async fn a_cut_watch_ends_and_its_frozen_events_are_lost() -> Result<()> {
    // Given a watch with an event that is held back
    let scene = Scene::new().await?;
    let (behind, direct) = (scene.behind().await?, scene.direct()?);
    let mut events = watch(&behind).await?;
    scene.proxy.freeze_watches();
    create(&direct, "a").await?;
    nothing_comes(&mut events).await?;
    // When watches are cut
    scene.proxy.cut_watches();
    // Then it ends without the event, and a new one works
    let came = timeout(LONG, events.next()).await?;
    ensure!(!matches!(came, Some(Ok(_))), "came: {came:?}");
    scene.proxy.thaw_watches();
    let mut events = watch(&behind).await?;
    create(&direct, "b").await?;
    ensure!(added(&mut events).await? == "b");
    Ok(())
}
