//! The Lease, the candidate's identity, and the three times.

use std::time::Duration;
use std::{env, fs};

use thiserror::Error;

/// The factor by which a pause between two attempts is lengthened at most, so that candidates do not ask all at once (client-go's
/// `JitterFactor`).
pub(super) const JITTER: f64 = 1.2;

/// How an election is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// The identity of this candidate, which no other process has or had. See [`process_identity`].
    pub identity: String,
    /// How long the other candidates wait for a renewal before one of them takes over. Written in the Lease in whole seconds,
    /// rounded up.
    pub lease_duration: Duration,
    /// How long a leader writes after it sent its last successful renewal.
    pub renew_deadline: Duration,
    /// How long to wait between two attempts to renew or to take over.
    pub retry_period: Duration,
}

/// Settings with which there might be two leaders, or none for a long time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidLeaseSettings {
    /// The namespace, the name or the identity is empty.
    #[error("the {0} of the lease is empty")]
    Empty(&'static str),
    /// The other candidates would take over from a leader that still writes.
    #[error("the lease duration ({lease_duration:?}) must be longer than the renew deadline ({renew_deadline:?})")]
    Overlap {
        /// See [`LeaseSettings::lease_duration`].
        lease_duration: Duration,
        /// See [`LeaseSettings::renew_deadline`].
        renew_deadline: Duration,
    },
    /// A leader would give up before its first attempt to renew.
    #[error("the renew deadline ({renew_deadline:?}) must be longer than {JITTER} retry periods ({retry_period:?})")]
    NoTimeToRenew {
        /// See [`LeaseSettings::renew_deadline`].
        renew_deadline: Duration,
        /// See [`LeaseSettings::retry_period`].
        retry_period: Duration,
    },
    /// The API server would be asked without a pause.
    #[error("the retry period is zero")]
    NoPause,
    /// The field of the Lease cannot hold the duration.
    #[error("the lease duration ({0:?}) is more than i32::MAX seconds")]
    TooLong(Duration),
}

impl LeaseSettings {
    /// Settings with the times that Kubernetes' own components use (client-go): the lease lasts 15 s, its holder writes for 10 s after a
    /// renewal, and candidates try every 2 s.
    pub fn new(namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: identity.to_owned(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    /// Checks whether an election can be held with these settings.
    ///
    /// # Errors
    /// When there might be two leaders, or none for a long time.
    pub fn validate(&self) -> Result<(), InvalidLeaseSettings> {
        let &Self { lease_duration, renew_deadline, retry_period, .. } = self;
        for (what, value) in [("namespace", &self.namespace), ("name", &self.name), ("identity", &self.identity)] {
            if value.is_empty() {
                return Err(InvalidLeaseSettings::Empty(what));
            }
        }
        if retry_period.is_zero() {
            return Err(InvalidLeaseSettings::NoPause);
        }
        if whole_seconds(lease_duration).is_none() {
            return Err(InvalidLeaseSettings::TooLong(lease_duration));
        }
        if lease_duration <= renew_deadline {
            return Err(InvalidLeaseSettings::Overlap { lease_duration, renew_deadline });
        }
        // The retry period is compared first, so that the product cannot overflow.
        if retry_period >= renew_deadline || renew_deadline <= retry_period.mul_f64(JITTER) {
            return Err(InvalidLeaseSettings::NoTimeToRenew { renew_deadline, retry_period });
        }
        Ok(())
    }
}

/// `duration` as the Lease holds it: rounded up, so that no candidate takes over too early. None where it does not fit.
pub(super) fn whole_seconds(duration: Duration) -> Option<i32> {
    i32::try_from(duration.as_secs()).ok()?.checked_add(i32::from(duration.subsec_nanos() > 0))
}

/// An identity that no other process has: the Pod's name (`POD_NAME`) or else the host's, and a random number, since a container
/// that is restarted keeps both names.
///
/// The number is not secret. fastrand seeds it with the monotonic clock in nanoseconds, which no two processes of one host share.
pub fn process_identity() -> String {
    let variable = |key| env::var(key).ok();
    let kernel = || fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = variable("POD_NAME").or_else(|| variable("HOSTNAME")).or_else(kernel).unwrap_or_default();
    format!("{}_{:016x}", host.trim(), fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn settings(lease_ms: u64, renew_ms: u64, retry_ms: u64) -> LeaseSettings {
        LeaseSettings {
            lease_duration: Duration::from_millis(lease_ms),
            renew_deadline: Duration::from_millis(renew_ms),
            retry_period: Duration::from_millis(retry_ms),
            ..LeaseSettings::new("n", "l", "i")
        }
    }

    #[rstest]
    #[case::usual(15_000, 10_000, 2_000, "")]
    #[case::short(3_000, 2_000, 500, "")]
    #[case::two_leaders(10_000, 10_000, 2_000, "must be longer than the renew deadline")]
    #[case::no_renewal(15_000, 2_400, 2_000, "must be longer than 1.2 retry periods")]
    #[case::no_renewal_at_all(15_000, 2_400, u64::MAX, "must be longer than 1.2 retry periods")]
    #[case::no_pause(15_000, 10_000, 0, "the retry period is zero")]
    #[case::for_ever(u64::MAX, 10_000, 2_000, "more than i32::MAX seconds")]
    fn times_that_allow_two_leaders_or_none_are_refused(
        #[case] lease: u64,
        #[case] renew: u64,
        #[case] retry: u64,
        #[case] complaint: &str,
    ) {
        let said = settings(lease, renew, retry).validate().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains(complaint) && said.is_empty() == complaint.is_empty(), "{said}");
    }

    #[test]
    fn an_empty_identity_is_refused() {
        let settings = LeaseSettings { identity: String::new(), ..settings(15_000, 10_000, 2_000) };
        assert_eq!(settings.validate(), Err(InvalidLeaseSettings::Empty("identity")));
    }

    #[test]
    fn every_identity_is_another_one() {
        let (one, other) = (process_identity(), process_identity());
        assert_ne!(one, other);
        assert!(one.split_once('_').is_some_and(|(_, random)| random.len() == 16), "{one}");
    }
}
