//! What a candidate does about the Lease that it sees.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;

use super::record;

/// What a candidate saw last.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// The Lease; none where there is none.
    pub(super) lease: Option<Lease>,
    /// Since when it looks so, by the candidate's own monotonic clock, taken after the answer had come.
    pub(super) since: Instant,
    /// For how long from then on somebody else may still lead by it.
    pub(super) patience: Duration,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the Lease.
    Create,
    /// Renew it: it is ours.
    Renew,
    /// Take it over.
    Take,
    /// Leave it to whom it belongs.
    Wait,
}

impl Observed {
    /// What `identity` knows after it saw `lease` at `now`, having seen `before` earlier. `usual` is its own lease duration, for
    /// a holder that says none.
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
        let patience = match (&lease, before) {
            (Some(lease), before) => match record::holder(lease) {
                None => Duration::ZERO,
                // An update names what it replaces, so that ours came rightly, however late.
                Some(holder) if holder == identity && before.is_some_and(|before| before.is_earlier(lease)) => {
                    Duration::ZERO
                }
                // This may be ours too: one that we tried to create long ago, before somebody led by another that is gone.
                Some(_) => record::duration(lease).unwrap_or(usual),
            },
            // Somebody deleted it: its holder may not know yet.
            (None, Some(before)) => before.patience.max(usual),
            (None, None) => Duration::ZERO,
        };
        Self { lease, since: now, patience }
    }

    fn shows(&self, lease: Option<&Lease>) -> bool {
        self.lease.as_ref().map(record::version) == lease.map(record::version)
    }

    /// Whether it shows an earlier state of this very Lease.
    fn is_earlier(&self, lease: &Lease) -> bool {
        self.lease.as_ref().is_some_and(|earlier| earlier.metadata.uid == lease.metadata.uid)
    }
}

/// What the candidate `identity` does at `now`; `leading` while its term lasts.
pub(super) fn decide(identity: &str, leading: bool, observed: &Observed, now: Instant) -> Step {
    let patient_enough = now.saturating_duration_since(observed.since) >= observed.patience;
    let ours = observed.lease.as_ref().is_some_and(|lease| record::holder(lease) == Some(identity));
    match &observed.lease {
        None if leading || patient_enough => Step::Create,
        Some(_) if ours && (leading || patient_enough) => Step::Renew,
        Some(_) if patient_enough => Step::Take,
        None | Some(_) => Step::Wait,
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

    /// What `me` does who saw `sights` at these seconds, the last of them just now.
    fn after(sights: &[(u64, Option<Lease>)], leading: bool) -> Step {
        let start = Instant::now();
        let mut observed = None;
        for (second, lease) in sights {
            observed = Some(Observed::next(observed, lease.clone(), "me", USUAL, start + Duration::from_secs(*second)));
        }
        let now = sights.last().map(|(second, _)| start + Duration::from_secs(*second)).unwrap();
        decide("me", leading, &observed.unwrap(), now)
    }

    #[rstest]
    #[case::never_made(&[(0, None)], Step::Create)]
    #[case::released(&[(0, Some(lease("1", "", Some(1))))], Step::Take)]
    #[case::mine_from_an_update_without_an_answer(
        &[(0, Some(lease("1", "", Some(1)))), (2, Some(lease("2", "me", Some(15))))], Step::Renew)]
    #[case::mine_from_a_late_creation(&[(0, None), (2, Some(lease("1", "me", Some(15))))], Step::Wait)]
    #[case::mine_from_a_creation_long_ago(
        &[(0, None), (2, Some(lease("1", "me", Some(15)))), (17, Some(lease("1", "me", Some(15))))], Step::Renew)]
    #[case::held(&[(0, Some(lease("1", "you", Some(15))))], Step::Wait)]
    #[case::held_for_almost_its_time(
        &[(0, Some(lease("1", "you", Some(15)))), (14, Some(lease("1", "you", Some(15))))], Step::Wait)]
    #[case::silent_for_its_time(
        &[(0, Some(lease("1", "you", Some(15)))), (15, Some(lease("1", "you", Some(15))))], Step::Take)]
    #[case::renewed_meanwhile(
        &[(0, Some(lease("1", "you", Some(15)))), (14, Some(lease("2", "you", Some(15)))),
          (28, Some(lease("2", "you", Some(15))))], Step::Wait)]
    #[case::its_time_is_longer_than_ours(
        &[(0, Some(lease("1", "you", Some(60)))), (59, Some(lease("1", "you", Some(60))))], Step::Wait)]
    #[case::says_no_time(
        &[(0, Some(lease("1", "you", None))), (14, Some(lease("1", "you", None)))], Step::Wait)]
    #[case::says_no_time_and_is_silent(
        &[(0, Some(lease("1", "you", None))), (15, Some(lease("1", "you", None)))], Step::Take)]
    #[case::deleted_under_its_holder(&[(0, Some(lease("1", "you", Some(15)))), (20, None)], Step::Wait)]
    #[case::deleted_long_ago(&[(0, Some(lease("1", "you", Some(15)))), (20, None), (35, None)], Step::Create)]
    #[case::deleted_and_made_again(
        &[(0, Some(lease("1", "you", Some(15)))), (14, None), (20, Some(lease("3", "you", Some(15))))], Step::Wait)]
    #[case::released_then_deleted(&[(0, Some(lease("1", "", Some(1)))), (2, None)], Step::Wait)]
    fn who_does_not_lead(#[case] sights: &[(u64, Option<Lease>)], #[case] expected: Step) {
        assert_eq!(after(sights, false), expected);
    }

    #[rstest]
    #[case::renews(&[(0, Some(lease("1", "me", Some(15))))], Step::Renew)]
    #[case::makes_it_again(&[(0, Some(lease("1", "me", Some(15)))), (2, None)], Step::Create)]
    #[case::yields(&[(0, Some(lease("1", "me", Some(15)))), (2, Some(lease("2", "you", Some(15))))], Step::Wait)]
    fn who_leads(#[case] sights: &[(u64, Option<Lease>)], #[case] expected: Step) {
        assert_eq!(after(sights, true), expected);
    }
}
