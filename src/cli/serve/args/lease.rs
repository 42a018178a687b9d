//! Which of several processes writes.

use std::time::Duration;

use clap::Args;

use crate::k8s::LeaseSettings;

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
    /// Those of the lease called `name`, for the candidate `identity`.
    pub(in crate::cli::serve) fn settings(&self, namespace: &str, name: &str, identity: &str) -> LeaseSettings {
        LeaseSettings {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: identity.to_owned(),
            lease_duration: Duration::from_secs(self.lease_duration),
            renew_deadline: Duration::from_secs(self.lease_renew_deadline),
            retry_period: Duration::from_secs(self.lease_retry_period),
        }
    }
}
