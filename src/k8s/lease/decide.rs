//! What a candidate does about the Lease that it observed.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;

use super::record;

/// What a candidate observed last.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// The Lease; none where it does not exist.
    pub(super) lease: Option<Lease>,
    /// Since when it has been so, by the candidate's own monotonic clock, read after the answer had arrived.
    pub(super) since: Instant,
    /// How long after that another candidate may still lead by it.
    pub(super) expires_after: Duration,
}

/// What to do about the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseAction {
    /// Create the Lease.
    Create,
    /// Renew it: this candidate holds it.
    Renew,
    /// Take it over.
    Take,
    /// Leave it to its holder.
    Wait,
}

impl Observed {
    /// What `identity` knows after it observed `lease` at `now`, and `before` earlier. `usual` is its own lease duration, for a
    /// holder that states none.
    pub(super) fn next(
        before: Option<Self>,
        lease: Option<Lease>,
        identity: &str,
        usual: Duration,
        now: Instant,
    ) -> Self {
        let before = match before {
            Some(before) if before.shows(lease.as_ref()) => return before,
            before => before,
        };
        let expires_after = match (&lease, before) {
            (Some(lease), before) => match record::holder(lease) {
                None => Duration::ZERO,
                // An update names the resourceVersion that it replaces, so this candidate's own update was valid, however late.
                Some(holder) if holder == identity && before.is_some_and(|before| before.is_earlier(lease)) => {
                    Duration::ZERO
                }
                // This may be this candidate's, too: a late creation, after another candidate led by a Lease that is gone.
                Some(_) => record::duration(lease).unwrap_or(usual),
            },
            // The Lease was deleted, and its holder may not know yet.
            (None, Some(before)) => before.expires_after.max(usual),
            (None, None) => Duration::ZERO,
        };
        Self { lease, since: now, expires_after }
    }

    fn shows(&self, lease: Option<&Lease>) -> bool {
        self.lease.as_ref().map(record::version) == lease.map(record::version)
    }

    /// Whether it is an earlier state of this very Lease.
    fn is_earlier(&self, lease: &Lease) -> bool {
        self.lease.as_ref().is_some_and(|earlier| earlier.metadata.uid == lease.metadata.uid)
    }
}

/// What the candidate `identity` does at `now`. `leading` while its term lasts.
pub(super) fn decide(identity: &str, leading: bool, observed: &Observed, now: Instant) -> LeaseAction {
    let expired = now.saturating_duration_since(observed.since) >= observed.expires_after;
    let held = observed.lease.as_ref().is_some_and(|lease| record::holder(lease) == Some(identity));
    match &observed.lease {
        None if leading || expired => LeaseAction::Create,
        Some(_) if held && (leading || expired) => LeaseAction::Renew,
        Some(_) if expired => LeaseAction::Take,
        None | Some(_) => LeaseAction::Wait,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use kube::api::ObjectMeta;
    use rstest::rstest;

    use super::*;

    const USUAL: Duration = Duration::from_secs(15);

    fn lease(version: &str, holder: &str, seconds: Option<i32>) -> Lease {
        Lease {
            metadata: ObjectMeta { resource_version: Some(version.to_owned()), ..Default::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: seconds,
                ..Default::default()
            }),
        }
    }

    /// What the candidate `me` does that observed these Leases at these seconds, the last of them just now.
    fn after(observations: &[(u64, Option<Lease>)], leading: bool) -> LeaseAction {
        let start = Instant::now();
        let mut observed = None;
        for (second, lease) in observations {
            observed = Some(Observed::next(observed, lease.clone(), "me", USUAL, start + Duration::from_secs(*second)));
        }
        let now = observations.last().map(|(second, _)| start + Duration::from_secs(*second)).unwrap();
        decide("me", leading, &observed.unwrap(), now)
    }

    #[rstest]
    #[case::never_made(&[(0, None)], LeaseAction::Create)]
    #[case::released(&[(0, Some(lease("1", "", Some(1))))], LeaseAction::Take)]
    #[case::mine_from_an_update_without_an_answer(
        &[(0, Some(lease("1", "", Some(1)))), (2, Some(lease("2", "me", Some(15))))], LeaseAction::Renew)]
    #[case::mine_from_a_late_creation(&[(0, None), (2, Some(lease("1", "me", Some(15))))], LeaseAction::Wait)]
    #[case::mine_from_a_creation_long_ago(
        &[(0, None), (2, Some(lease("1", "me", Some(15)))), (17, Some(lease("1", "me", Some(15))))], LeaseAction::Renew)]
    #[case::held(&[(0, Some(lease("1", "you", Some(15))))], LeaseAction::Wait)]
    #[case::held_for_almost_its_time(
        &[(0, Some(lease("1", "you", Some(15)))), (14, Some(lease("1", "you", Some(15))))], LeaseAction::Wait)]
    #[case::silent_for_its_time(
        &[(0, Some(lease("1", "you", Some(15)))), (15, Some(lease("1", "you", Some(15))))], LeaseAction::Take)]
    #[case::renewed_meanwhile(
        &[(0, Some(lease("1", "you", Some(15)))), (14, Some(lease("2", "you", Some(15)))),
          (28, Some(lease("2", "you", Some(15))))], LeaseAction::Wait)]
    #[case::its_time_is_longer_than_ours(
        &[(0, Some(lease("1", "you", Some(60)))), (59, Some(lease("1", "you", Some(60))))], LeaseAction::Wait)]
    #[case::says_no_time(
        &[(0, Some(lease("1", "you", None))), (14, Some(lease("1", "you", None)))], LeaseAction::Wait)]
    #[case::says_no_time_and_is_silent(
        &[(0, Some(lease("1", "you", None))), (15, Some(lease("1", "you", None)))], LeaseAction::Take)]
    #[case::deleted_under_its_holder(&[(0, Some(lease("1", "you", Some(15)))), (20, None)], LeaseAction::Wait)]
    #[case::deleted_long_ago(&[(0, Some(lease("1", "you", Some(15)))), (20, None), (35, None)], LeaseAction::Create)]
    #[case::deleted_and_made_again(
        &[(0, Some(lease("1", "you", Some(15)))), (14, None), (20, Some(lease("3", "you", Some(15))))], LeaseAction::Wait)]
    #[case::released_then_deleted(&[(0, Some(lease("1", "", Some(1)))), (2, None)], LeaseAction::Wait)]
    fn a_candidate_that_does_not_lead(#[case] observations: &[(u64, Option<Lease>)], #[case] expected: LeaseAction) {
        assert_eq!(after(observations, false), expected);
    }

    #[rstest]
    #[case::renews(&[(0, Some(lease("1", "me", Some(15))))], LeaseAction::Renew)]
    #[case::makes_it_again(&[(0, Some(lease("1", "me", Some(15)))), (2, None)], LeaseAction::Create)]
    #[case::yields(&[(0, Some(lease("1", "me", Some(15)))), (2, Some(lease("2", "you", Some(15))))], LeaseAction::Wait)]
    fn a_leader(#[case] observations: &[(u64, Option<Lease>)], #[case] expected: LeaseAction) {
        assert_eq!(after(observations, true), expected);
    }
}
