//! Kubernetes' own controllers stand still while a base departs, and then see everything at once.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;
use warden_testbed::{Component, Options};

use super::ends::in_haste;
use crate::scene::{Scene, raise};

const ROUNDS: usize = 10;

#[tokio::test]
async fn healthy_bases_keep_their_pods_when_the_controller_manager_was_away_at_a_departure() -> Result<()> {
    // Given five bases with the module
    let mut stage = raise(Options::new()).await?;
    stage.serve(&in_haste()).await?;
    let mut scene = Scene::with_peers(&stage, 5, "steady").await?;
    for round in 0..ROUNDS {
        round_of(&mut scene, round).await.with_context(|| format!("in round {round}"))?;
    }
    println!(
        "controller-manager stopped for 5 s at {ROUNDS} departures: the 4 healthy bases kept their Pods each time"
    );
    Ok(())
}

async fn round_of(scene: &mut Scene<'_>, round: usize) -> Result<()> {
    let plane = &scene.stage.plane;
    let (since, before) = (plane.ledger().mark(), scene.pods_by_node("steady").await?);
    // When one goes while the controller-manager stands still, or right before
    let (goes_before, place) = (round % 2 == 1, round % scene.nodes.len());
    if goes_before {
        scene.one_goes(place).await?;
    }
    plane.pause(Component::ControllerManager)?;
    if !goes_before {
        scene.one_goes(place).await?;
    }
    sleep(Duration::from_secs(5)).await;
    plane.resume(Component::ControllerManager)?;
    // Then it ends with four, and the others have the very same Pods
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    scene.untouched(&scene.nodes, "steady", since).await?;
    // And another one that comes gets the module
    let staying = scene.nodes.clone();
    scene.one_comes(&format!("new{round}")).await?;
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    scene.untouched(&staying, "steady", since).await
}
