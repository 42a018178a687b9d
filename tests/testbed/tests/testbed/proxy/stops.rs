//! Everything stops at one certain write.

use anyhow::{Context, Result, ensure};
use kube::api::ListParams;
use tokio::time::timeout;
use warden_testbed::Moment;

use super::{LONG, MOMENT, Scene, create};

#[tokio::test]
async fn before_a_write_it_is_not_done_and_never_will_be() -> Result<()> {
    // Given a client that is to be stopped before its second write
    let scene = Scene::new().await?;
    let (behind, direct) = (scene.behind().await?, scene.direct()?);
    scene.proxy.stop_at(2, Moment::Before);
    create(&behind, "a").await?;
    ensure!(timeout(MOMENT, scene.proxy.reached(LONG)).await.is_err());
    // When it writes again
    let writer = behind.clone();
    let second = tokio::spawn(async move { create(&writer, "b").await });
    // Then everything stops there, reading too
    let write = scene.proxy.reached(LONG).await?;
    ensure!(write.number == 2 && !write.forwarded, "{write}");
    ensure!(timeout(MOMENT, behind.list(&ListParams::default())).await.is_err());
    ensure!(!second.is_finished());
    // When the stop ends, then what was held is cut and was never done, and the next passes
    scene.proxy.release();
    let second = timeout(LONG, second).await??;
    ensure!(second.is_err(), "{second:?}");
    ensure!(direct.get_opt("b").await?.is_none());
    create(&behind, "c").await?;
    Ok(())
}

#[tokio::test]
async fn after_a_write_it_is_done_and_its_client_gets_no_answer() -> Result<()> {
    // Given a client that is to be stopped after its first write, with a watch open
    let scene = Scene::new().await?;
    let (behind, direct) = (scene.behind().await?, scene.direct()?);
    let now = behind.list(&ListParams::default()).await?.metadata.resource_version.context("no version")?;
    let mut events = Box::pin(behind.watch(&Default::default(), &now).await?);
    scene.proxy.stop_at(1, Moment::After);
    // When it writes
    let writer = behind.clone();
    let first = tokio::spawn(async move { create(&writer, "a").await });
    // Then it is done, and neither the answer nor the event comes
    let write = scene.proxy.reached(LONG).await?;
    ensure!(write.number == 1 && write.status == Some(201), "{write}");
    ensure!(direct.get_opt("a").await?.is_some());
    let event = timeout(MOMENT, futures::StreamExt::next(&mut events)).await;
    ensure!(event.is_err(), "{event:?}");
    ensure!(!first.is_finished());
    // When the stop ends, then both are cut
    scene.proxy.release();
    ensure!(timeout(LONG, first).await??.is_err());
    let event = timeout(LONG, futures::StreamExt::next(&mut events)).await?;
    ensure!(!matches!(event, Some(Ok(_))), "{event:?}");
    Ok(())
}

#[tokio::test]
async fn a_write_that_does_not_come_is_told_with_those_that_did() -> Result<()> {
    // Given a client that writes once and is to be stopped at its third write
    let scene = Scene::new().await?;
    scene.proxy.stop_at(3, Moment::Before);
    create(&scene.behind().await?, "a").await?;
    // When that is waited for, then the error names what came
    let error = scene.proxy.reached(MOMENT).await.err().context("it was reached")?;
    ensure!(error.to_string().contains("Main 1: POST"), "{error}");
    Ok(())
}
