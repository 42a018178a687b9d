//! No request fails while replicas are replaced.

use anyhow::{Result, ensure};

use super::load::Load;
use super::site::Site;

const ROUNDS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_replicas_are_replaced_one_after_the_other_every_module_is_admitted() -> Result<()> {
    // Given two replicas behind a Service, and 50 module Pods created per second
    let mut site = Site::install_alone(&[]).await?;
    site.start(2).await?;
    let load = Load::of_creations(&site).await?;
    // When each is replaced ten times, as a rollout replaces them
    for round in 1..=ROUNDS {
        for number in 0..2 {
            site.replace(number).await?;
        }
        load.goes_on(100).await?;
        println!("round {round}: both replicas were replaced");
    }
    // And the last of them end in their own time, while modules are still created, but fewer
    load.slow_down();
    site.make_room();
    let ended = site.replaced_have_ended().await?;
    // Then every creation succeeded, and each Pod was filled in
    let (created, per_second, failed) = load.stop().await;
    println!("{ended} replicas have ended without a fault");
    println!("{created} module Pods created, {per_second:.0} per second; failed: {}", failed.len());
    ensure!(failed.is_empty(), "{failed:#?}");
    ensure!(created > 100 * ROUNDS, "only {created} were tried: that is too little load");
    Ok(())
}
