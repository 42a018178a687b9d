//! Which Lease, as whom, and the three times.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};
use std::{env, fs, process};

use thiserror::Error;

/// The most that a pause between two tries is lengthened by, so that candidates do not come all at once (client-go's
/// `JitterFactor`).
pub(super) const JITTER: f64 = 1.2;

/// How an election is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// Who this candidate is: nobody else ever, also no earlier process under the same name. See [`process_identity`].
    pub identity: String,
    /// How long the others wait for a sign of life before one of them takes over. Written in the Lease in whole seconds,
    /// rounded up.
    pub lease_duration: Duration,
    /// How long a leader goes on after the beginning of its last successful renewal.
    pub renew_deadline: Duration,
    /// How long to wait between two tries, to renew or to take over.
    pub retry_period: Duration,
}

/// Settings by which there might be two leaders, or none for long.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidLeaseSettings {
    /// The namespace, the name or the identity is empty.
    #[error("the {0} of the lease is empty")]
    Empty(&'static str),
    /// The others would take over from a leader that still goes on.
    #[error("the lease duration ({lease_duration:?}) must be longer than the renew deadline ({renew_deadline:?})")]
    Overlap {
        /// See [`LeaseSettings::lease_duration`].
        lease_duration: Duration,
        /// See [`LeaseSettings::renew_deadline`].
        renew_deadline: Duration,
    },
    /// A leader would give up before it has tried to renew.
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
    /// The field in the Lease cannot hold it.
    #[error("the lease duration ({0:?}) is more than i32::MAX seconds")]
    TooLong(Duration),
}

impl LeaseSettings {
    /// Whether an election can be held by them.
    ///
    /// # Errors
    /// When there might be two leaders, or none for long.
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
        // Shorter than the lease duration by now, so that the product cannot overflow where it matters.
        if retry_period >= renew_deadline || renew_deadline <= retry_period.mul_f64(JITTER) {
            return Err(InvalidLeaseSettings::NoTimeToRenew { renew_deadline, retry_period });
        }
        Ok(())
    }
}

/// `duration` as the Lease writes it: rounded up, so that nobody takes over too early. None where it does not fit.
pub(super) fn whole_seconds(duration: Duration) -> Option<i32> {
    i32::try_from(duration.as_secs()).ok()?.checked_add(i32::from(duration.subsec_nanos() > 0))
}

/// An identity that no other process has: the Pod's name (`POD_NAME`) or else the host's, and something random, for a
/// container that is started again keeps both.
pub fn process_identity() -> String {
    let given = |key| env::var(key).ok();
    let kernel = || fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = given("POD_NAME").or_else(|| given("HOSTNAME")).or_else(kernel).unwrap_or_default();
    // The standard library seeds its hashers from the system's randomness.
    let random = RandomState::new().hash_one((process::id(), SystemTime::now()));
    format!("{}_{random:016x}", host.trim())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn settings(lease_ms: u64, renew_ms: u64, retry_ms: u64) -> LeaseSettings {
        LeaseSettings {
            namespace: "n".to_owned(),
            name: "l".to_owned(),
            identity: "i".to_owned(),
            lease_duration: Duration::from_millis(lease_ms),
            renew_deadline: Duration::from_millis(renew_ms),
            retry_period: Duration::from_millis(retry_ms),
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
    fn nobody_is_no_candidate() {
        let nobody = LeaseSettings { identity: String::new(), ..settings(15_000, 10_000, 2_000) };
        assert_eq!(nobody.validate(), Err(InvalidLeaseSettings::Empty("identity")));
    }

    #[test]
    fn an_identity_is_given_once() {
        let (one, other) = (process_identity(), process_identity());
        assert_ne!(one, other);
        assert!(one.split_once('_').is_some_and(|(_, random)| random.len() == 16), "{one}");
    }
}
