//! Which of several processes writes.

use std::time::Duration;

use clap::Args;

use super::Identity;
use crate::runtime::LeaseSettings;

/// Which of several processes writes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Leader election")]
pub(in crate::cli::serve) struct LeaseArgs {
    /// After how many seconds without a renewal another process may take the lease.
    #[arg(long, env = "WARDEN_LEASE_DURATION", default_value_t = 15, value_name = "SECONDS")]
    lease_duration: u64,
    /// For how many seconds the holder tries to renew before it stops writing.
    #[arg(long, env = "WARDEN_LEASE_RENEW_DEADLINE", default_value_t = 10, value_name = "SECONDS")]
    lease_renew_deadline: u64,
    /// How many seconds lie between two tries to take or to renew the lease.
    #[arg(long, env = "WARDEN_LEASE_RETRY_PERIOD", default_value_t = 2, value_name = "SECONDS")]
    lease_retry_period: u64,
}

impl LeaseArgs {
    pub(in crate::cli::serve) fn settings(&self, place: &Identity, identity: String) -> LeaseSettings {
        LeaseSettings {
            namespace: place.namespace.clone(),
            name: place.name.clone(),
            identity,
            lease_duration: Duration::from_secs(self.lease_duration),
            renew_deadline: Duration::from_secs(self.lease_renew_deadline),
            retry_period: Duration::from_secs(self.lease_retry_period),
        }
    }
}
