//! A candidate with short times, and what all of them together may never do.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use koupleless_warden::k8s::{Leadership, LeaseSettings, elect, process_identity};
use kube::{Api, Client};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const NAME: &str = "warden";
pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(6);
pub(crate) const RENEW_DEADLINE: Duration = Duration::from_secs(4);
const RETRY_PERIOD: Duration = Duration::from_millis(500);
/// Long enough for anything here on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Candidate {
    pub(crate) identity: String,
    pub(crate) leadership: Leadership,
    stop: CancellationToken,
    election: JoinHandle<()>,
}

impl Candidate {
    pub(crate) fn stand(client: Client, namespace: &str) -> Self {
        Self::stand_with(client, namespace, LEASE_DURATION)
    }

    pub(crate) fn stand_with(client: Client, namespace: &str, lease_duration: Duration) -> Self {
        let settings = LeaseSettings {
            lease_duration,
            renew_deadline: RENEW_DEADLINE,
            retry_period: RETRY_PERIOD,
            ..LeaseSettings::new(namespace, NAME, &process_identity())
        };
        let (identity, stop) = (settings.identity.clone(), CancellationToken::new());
        let (leadership, election) = elect(client, settings, stop.clone());
        Self { identity, leadership, stop, election: tokio::spawn(election) }
    }

    pub(crate) fn leads(&self) -> bool {
        self.leadership.left().is_some()
    }

    /// Ends its election as a process ends that is killed.
    pub(crate) async fn abandon(&mut self) {
        self.election.abort();
        let _ = (&mut self.election).await;
    }

    /// Ends its election in good order.
    pub(crate) async fn retire(&mut self) -> Result<()> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits until its election has ended.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        tokio::time::timeout(LONG, &mut self.election).await.context("it did not end")??;
        Ok(())
    }
}

/// Waits until one of them leads, and gives its index. Fails if two do at any moment.
pub(crate) async fn leader(candidates: &[Candidate]) -> Result<usize> {
    let found = async {
        loop {
            if let Some(leader) = the_only_leader(candidates)? {
                return Ok(leader);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, found).await.context("none leads")?
}

/// Watches them for a while. Fails if two lead at any moment, or if it is not always `leader`.
pub(crate) async fn leads_throughout(candidates: &[Candidate], leader: usize, time: Duration) -> Result<()> {
    let watched = async {
        loop {
            let seen = the_only_leader(candidates)?;
            ensure!(seen == Some(leader), "{seen:?} leads, not {leader}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(time, watched).await.unwrap_or(Ok(()))
}

fn the_only_leader(candidates: &[Candidate]) -> Result<Option<usize>> {
    let leaders: Vec<usize> = (0..candidates.len()).filter(|&index| candidates[index].leads()).collect();
    ensure!(leaders.len() <= 1, "{leaders:?} lead at once");
    Ok(leaders.first().copied())
}

pub(crate) async fn lease(client: Client, namespace: &str) -> Result<LeaseSpec> {
    let api: Api<Lease> = Api::namespaced(client, namespace);
    api.get(NAME).await?.spec.context("a Lease without spec")
}
