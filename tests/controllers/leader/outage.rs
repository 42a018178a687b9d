//! While the API server does not answer.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use warden_testbed::{Component, ControlPlane, Options};

use super::candidate::{Candidate, LEASE_DURATION, LONG, RENEW_DEADLINE, leader, leads_throughout};

#[tokio::test]
async fn none_leads_without_an_api_server_and_one_again_with_it() -> Result<()> {
    // Given a leader on a control plane of our own
    let plane = ControlPlane::start(Options::new()).await?;
    let namespace = plane.namespace("leader").await?;
    let candidates = [(); 2].map(|()| Candidate::stand(plane.client().unwrap(), &namespace));
    let first = leader(&candidates).await?;
    leads_throughout(&candidates, first, LEASE_DURATION).await?;
    // When the API server stands still
    let left = candidates[first].leadership.left().context("it leads")?;
    let asked = Instant::now();
    plane.pause(Component::ApiServer)?;
    // Then the leader's term is over in time, and stays over
    tokio::time::timeout(LONG, candidates[first].leadership.lost()).await?;
    ensure!(asked.elapsed() >= left, "{:?} of {left:?}", asked.elapsed());
    tokio::time::sleep(LEASE_DURATION).await;
    ensure!(!candidates.iter().any(Candidate::leads));
    // When it goes on
    plane.resume(Component::ApiServer)?;
    // Then one leads, and goes on leading
    let next = leader(&candidates).await?;
    leads_throughout(&candidates, next, RENEW_DEADLINE).await?;
    Ok(())
}

#[tokio::test]
async fn settings_by_which_two_could_lead_elect_none() -> Result<()> {
    // Given settings by which the others take over before the leader has given up
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("leader").await?;
    // When an election is held by them, then it ends at once and none leads
    let mut unsound = Candidate::stand_with(plane.client()?, &namespace, RENEW_DEADLINE);
    unsound.ended().await?;
    ensure!(!unsound.leads());
    Ok(())
}
