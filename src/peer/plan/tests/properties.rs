//! What holds for all snapshots and histories.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::peer::testing::random::{cluster, history, preconditions, snapshot};
use crate::peer::testing::upstream::{luck, robbed, scaled_down, surplus};

fn changes_nothing(plan: &Plan) -> bool {
    let annotates = !plan.mark.is_empty() || !plan.unmark.is_empty();
    !annotates && plan.delete.is_empty() && !matches!(plan.scale, ScaleDecision::Scale { .. })
}

fn is_on_base(pod: &Pod) -> bool {
    matches!(pod.place, Place::Base(_))
}

/// A snapshot some time after a history, observed as the controller does.
fn observed() -> impl Strategy<Value = (Snapshot, ObservedHistory, Elapsed)> {
    let later = select(vec![0, 1, 2, 3, 61, 301]);
    (snapshot(), history(), later).prop_map(|(seen, (mut history, now), later)| {
        // The first time that it is observed, and perhaps a second one later.
        history.observe(&seen, &SETTINGS, now);
        let now = now + at(later);
        history.observe(&seen, &SETTINGS, now);
        (seen, history, now)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_the_preconditions_nothing_changes(
        (seen, history, now) in observed(),
        (synced, leader) in select(vec![(false, true), (true, false), (false, false)]),
    ) {
        let preconditions = WritePreconditions { synced, leader };

        let plan = decide(&seen, &history, preconditions, &SETTINGS, now);

        prop_assert!(changes_nothing(&plan), "{plan:?}");
    }

    #[test]
    fn an_unmanaged_deployment_does_not_change((seen, history, now) in observed(), preconditions in preconditions()) {
        let seen = Snapshot { unmanaged: Some(UnmanagedReason::Paused), ..seen };

        let plan = decide(&seen, &history, preconditions, &SETTINGS, now);

        prop_assert!(changes_nothing(&plan), "{plan:?}");
    }

    #[test]
    fn before_an_own_write_is_seen_nothing_changes((seen, mut history, now) in observed(), later in 1..20_u32) {
        let seen_version: u32 = seen.resource_version.parse().unwrap();
        history.record_scale((seen_version + later).to_string(), now);

        let plan = decide(&seen, &history, LEADING, &SETTINGS, now + at(29));

        prop_assert!(changes_nothing(&plan), "{plan:?}");
    }

    #[test]
    fn the_same_is_decided_on_the_same((seen, history, now) in observed(), preconditions in preconditions()) {
        let plan = decide(&seen, &history, preconditions, &SETTINGS, now);

        prop_assert_eq!(decide(&seen.clone(), &history.clone(), preconditions, &SETTINGS, now), plan);
    }

    #[test]
    fn to_observe_twice_is_to_observe_once((seen, history, now) in observed()) {
        let mut twice = history.clone();

        twice.observe(&seen, &SETTINGS, now);

        prop_assert_eq!(twice, history);
    }

    #[test]
    fn a_number_is_written_that_is_another_one_and_wanted((seen, history, now) in observed()) {
        let ScaleDecision::Scale { to } = decide(&seen, &history, LEADING, &SETTINGS, now).scale else { return Ok(()) };

        // A rollout to fewer bases goes down by one at a time.
        let is_step = seen.is_rolling() && to + 1 == seen.replicas && Some(to) > seen.source.wanted();
        prop_assert!(is_step || Some(to) == seen.source.wanted(), "{to}");
        prop_assert_ne!(to, seen.replicas);
    }

    #[test]
    fn while_some_pods_are_not_kept_apart_no_pod_goes((seen, history, now) in observed(), not_kept_apart in 1..3_u32) {
        let seen = Snapshot { not_kept_apart, ..seen };

        let plan = decide(&seen, &history, LEADING, &SETTINGS, now);

        prop_assert!(plan.delete.is_empty());
        if let ScaleDecision::Scale { to } = plan.scale {
            prop_assert!(to > seen.replicas, "{to}");
        }
    }

    #[test]
    fn there_is_a_replica_for_each_base_that_carries(seen in snapshot(), (mut history, now) in history()) {
        if let Source::Followed { .. } = seen.source {
            return Ok(());
        }
        history.observe(&seen, &SETTINGS, now);
        let now = now + SETTINGS.loss_hold;

        if let ScaleDecision::Scale { to } = decide(&seen, &history, LEADING, &SETTINGS, now).scale {
            prop_assert!(to >= seen.carried, "{to}");
        }
    }

    #[test]
    fn marked_pods_are_on_departed_bases_and_unmarked_ones_on_returned_bases((seen, history, now) in observed()) {
        let plan = decide(&seen, &history, LEADING, &SETTINGS, now);

        prop_assert!(plan.mark.iter().all(|pod| pod.departed_from().is_some()));
        prop_assert!(plan.unmark.iter().all(|pod| pod.marked && is_on_base(pod)));
        prop_assert!(plan.mark.is_empty() || plan.unmark.is_empty());
        if let ScaleDecision::Scale { .. } = plan.scale {
            prop_assert!(plan.unmark.is_empty());
        }
    }

    /// And nothing else is written then: first the Pod that is created in its place is observed.
    #[test]
    fn deleted_pods_are_marked_and_on_departed_bases((seen, history, now) in observed()) {
        let plan = decide(&seen, &history, LEADING, &SETTINGS, now);

        prop_assert!(plan.delete.iter().all(|pod| pod.departed_from().is_some() && pod.marked));
        if !plan.delete.is_empty() {
            prop_assert_eq!(&plan, &Plan { delete: plan.delete.clone(), ..hold(Hold::PodsToGo, None) });
        }
    }

    /// What the ReplicaSet controller's cache shows of marks decides nothing.
    #[test]
    fn no_scale_down_meets_a_pod_of_a_departed_base((seen, history, now) in observed()) {
        let ScaleDecision::Scale { to } = decide(&seen, &history, LEADING, &SETTINGS, now).scale else { return Ok(()) };

        prop_assert!(to > seen.replicas || seen.pods_on_departed_bases().next().is_none());
    }

    #[test]
    fn a_wait_ends_later_than_now((seen, history, now) in observed()) {
        if let ScaleDecision::Hold { until: Some(until), .. } = decide(&seen, &history, LEADING, &SETTINGS, now).scale {
            prop_assert!(until > now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    /// However long ago all of it was seen, however a surplus falls to the ReplicaSets of a rollout, and however the ties fall.
    #[test]
    fn a_scale_down_never_takes_the_only_pod_of_a_base(
        cluster in cluster(),
        lucks in vec(luck(), 8),
        share in 0..8_u32,
    ) {
        let seen = cluster.snapshot();
        let plan = decided_after_a_wait(&seen);
        let ScaleDecision::Scale { to } = plan.scale else { return Ok(()) };
        if to >= seen.replicas {
            return Ok(());
        }

        let after = scaled_down(&cluster, &lucks, &surplus(&seen, to, share));

        prop_assert_eq!(robbed(&cluster, &after), None, "{} -> {}: {:?}", seen.replicas, to, after);
    }

    /// Given that there were no more bases lately than there are replicas, and that warden settled on these, as it has once it has
    /// caught up. Then the next process waits anew for whatever it does not know of the last one's history. The exception are the
    /// last bases of a mass loss of which most are back: the next process takes them for a few that departed by themselves.
    #[test]
    fn the_next_process_acts_no_sooner(
        snapshots in vec((cluster(), select(vec![0, 1, 2, 3, 59, 61, 301])), 1..8),
        forgets in 0..8_usize,
    ) {
        let replicas = 6;
        let (mut kept, mut lost) = (Leader::default(), Leader::default());
        let mut now = Elapsed::ZERO;
        for (number, (cluster, gap)) in snapshots.into_iter().enumerate() {
            now += at(gap);
            if number == forgets {
                lost = Leader::default();
            }
            let seen = Snapshot { state: Some(settled(replicas)), ..Cluster { replicas, ..cluster }.snapshot() };
            let (kept, lost) = (kept.decides(&seen, now), lost.decides(&seen, now));
            let waits = matches!(
                lost.scale,
                ScaleDecision::Hold { reason: Hold::DepartureDebounce | Hold::MassLoss(_) | Hold::ReturnDebounce, .. }
            );
            let is_mostly_back = matches!(kept.scale, ScaleDecision::Hold { reason: Hold::MassLoss(_), .. })
                && MassLoss::of(&seen, replicas).is_none();
            if !waits && !is_mostly_back {
                prop_assert_eq!(kept, lost);
            }
        }
    }
}
