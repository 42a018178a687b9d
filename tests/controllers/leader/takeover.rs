//! How the leadership passes from one to the next.

use std::time::Instant;

use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::DeleteParams;
use warden_testbed::ControlPlane;

use super::candidate::{Candidate, LEASE_DURATION, NAME, RENEW_DEADLINE, leader, leads_throughout, lease};

#[tokio::test]
async fn one_of_several_leads_and_the_lease_says_who() -> Result<()> {
    // Given three candidates
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("leader").await?;
    let client = plane.client()?;
    let candidates = [(); 3].map(|()| Candidate::stand(client.clone(), &namespace));
    // When one has come first
    let first = leader(&candidates).await?;
    candidates[first].leadership.acquired().await;
    // Then it stays, for longer than a lease lasts without renewal
    leads_throughout(&candidates, first, LEASE_DURATION * 2).await?;
    let left = candidates[first].leadership.left();
    ensure!(left.is_some_and(|left| left <= RENEW_DEADLINE), "{left:?}");
    // And the Lease says so
    let spec = lease(client, &namespace).await?;
    ensure!(spec.holder_identity.as_deref() == Some(candidates[first].identity.as_str()), "{spec:?}");
    ensure!(spec.lease_duration_seconds == Some(6) && spec.lease_transitions == Some(0), "{spec:?}");
    ensure!(spec.acquire_time.is_some() && spec.renew_time > spec.acquire_time, "{spec:?}");
    Ok(())
}

#[tokio::test]
async fn from_one_that_is_killed_it_passes_only_after_the_lease_duration() -> Result<()> {
    // Given a leader, and another candidate that has seen its last renewal or an earlier one
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("leader").await?;
    let mut candidates = [(); 2].map(|()| Candidate::stand(plane.client().unwrap(), &namespace));
    let first = leader(&candidates).await?;
    leads_throughout(&candidates, first, RENEW_DEADLINE).await?;
    // When the leader is killed
    candidates[first].abandon().await;
    let renewed = Instant::now().checked_sub(RENEW_DEADLINE).unwrap() + candidates[first].leadership.left().unwrap();
    // Then it may write until its term is over, and the other leads only when the lease has run out
    candidates[first].leadership.lost().await;
    ensure!(renewed.elapsed() >= RENEW_DEADLINE);
    let next = leader(&candidates).await?;
    ensure!(next != first);
    ensure!(renewed.elapsed() >= LEASE_DURATION, "after {:?}", renewed.elapsed());
    let spec = lease(plane.client()?, &namespace).await?;
    ensure!(spec.lease_transitions == Some(1), "{spec:?}");
    Ok(())
}

#[tokio::test]
async fn from_one_that_retires_it_passes_before_its_lease_would_run_out() -> Result<()> {
    // Given a leader and another candidate
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("leader").await?;
    let mut candidates = [(); 2].map(|()| Candidate::stand(plane.client().unwrap(), &namespace));
    let first = leader(&candidates).await?;
    let other = 1 - first;
    leads_throughout(&candidates, first, RENEW_DEADLINE).await?;
    // When the leader retires
    let before = Instant::now();
    candidates[first].retire().await?;
    // Then it leads no more, and the other leads before it could have taken over
    ensure!(!candidates[first].leads());
    ensure!(leader(&candidates).await? == other);
    ensure!(before.elapsed() < RENEW_DEADLINE, "after {:?}", before.elapsed());
    // When the last retires too
    candidates[other].retire().await?;
    // Then the Lease is held by none
    let spec = lease(plane.client()?, &namespace).await?;
    ensure!(spec.holder_identity.as_deref() == Some("") && spec.lease_duration_seconds == Some(1), "{spec:?}");
    Ok(())
}

#[tokio::test]
async fn one_that_does_not_lead_retires_without_a_trace() -> Result<()> {
    // Given a leader and another candidate
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("leader").await?;
    let mut candidates = [(); 2].map(|()| Candidate::stand(plane.client().unwrap(), &namespace));
    let first = leader(&candidates).await?;
    // When the other retires
    candidates[1 - first].retire().await?;
    // Then the leader stays
    leads_throughout(&candidates, first, LEASE_DURATION).await?;
    let spec = lease(plane.client()?, &namespace).await?;
    ensure!(spec.holder_identity.as_deref() == Some(candidates[first].identity.as_str()), "{spec:?}");
    Ok(())
}

#[tokio::test]
async fn a_deleted_lease_is_created_again_by_its_leader() -> Result<()> {
    // Given a leader, and another candidate that knows it
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("leader").await?;
    let candidates = [(); 2].map(|()| Candidate::stand(plane.client().unwrap(), &namespace));
    let first = leader(&candidates).await?;
    leads_throughout(&candidates, first, RENEW_DEADLINE).await?;
    // When a person deletes the Lease
    let api: Api<Lease> = Api::namespaced(plane.client()?, &namespace);
    api.delete(NAME, &DeleteParams::default()).await?;
    // Then the leader goes on, and the Lease is there again
    leads_throughout(&candidates, first, LEASE_DURATION).await?;
    let spec = lease(plane.client()?, &namespace).await?;
    ensure!(spec.holder_identity.as_deref() == Some(candidates[first].identity.as_str()), "{spec:?}");
    Ok(())
}
