//! The arguments of the leader election.

use std::time::Duration;

use clap::Args;

use crate::k8s::LeaseSettings;

/// Leader election: one of all replicas writes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Leader election")]
pub(in crate::cli::serve) struct LeaseArgs {
    /// How many seconds after its last renewal another process may take the lease.
    #[arg(long, env = "WARDEN_LEASE_DURATION", default_value_t = 15, value_name = "SECONDS")]
    lease_duration: u64,
    /// How many seconds the holder tries to renew the lease before it stops writing.
    #[arg(long, env = "WARDEN_LEASE_RENEW_DEADLINE", default_value_t = 10, value_name = "SECONDS")]
    lease_renew_deadline: u64,
    /// The seconds between two attempts to acquire or renew the lease.
    #[arg(long, env = "WARDEN_LEASE_RETRY_PERIOD", default_value_t = 2, value_name = "SECONDS")]
    lease_retry_period: u64,
}

impl LeaseArgs {
    /// The settings of the lease `name`, for the candidate `identity`.
    pub(in crate::cli::serve) fn settings(&self, namespace: &str, name: &str, identity: &str) -> LeaseSettings {
        LeaseSettings {
            lease_duration: Duration::from_secs(self.lease_duration),
            renew_deadline: Duration::from_secs(self.lease_renew_deadline),
            retry_period: Duration::from_secs(self.lease_retry_period),
            ..LeaseSettings::new(namespace, name, identity)
        }
    }
}
