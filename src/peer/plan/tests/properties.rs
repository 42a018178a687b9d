//! What holds for whatever is seen and remembered.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::peer::testing::random::{cluster, memory, snapshot, standing};
use crate::peer::testing::upstream::{luck, robbed, scaled_down, surplus};

fn changes_nothing(plan: &Plan) -> bool {
    let annotates = !plan.mark.is_empty() || !plan.unmark.is_empty();
    !annotates && plan.delete.is_empty() && !matches!(plan.step, Step::Scale { .. })
}

fn is_on_base(pod: &Pod) -> bool {
    matches!(pod.place, Place::Base(_))
}

/// A look after some time, with what was remembered, observed as the controller does.
fn look() -> impl Strategy<Value = (Snapshot, Memory, Moment)> {
    let later = select(vec![0, 1, 2, 3, 61, 301]);
    (snapshot(), memory(), later).prop_map(|(seen, (mut memory, now), later)| {
        // The first look at what is seen now, and perhaps a second one later.
        memory.observe(&seen, &SETTINGS, now);
        let now = now + at(later);
        memory.observe(&seen, &SETTINGS, now);
        (seen, memory, now)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_standing_nothing_changes(
        (seen, memory, now) in look(),
        (synced, leader) in select(vec![(false, true), (true, false), (false, false)]),
    ) {
        let standing = Standing { synced, leader };

        let plan = decide(&seen, &memory, standing, &SETTINGS, now);

        prop_assert!(changes_nothing(&plan), "{plan:?}");
    }

    #[test]
    fn what_is_unmanaged_does_not_change((seen, memory, now) in look(), standing in standing()) {
        let seen = Snapshot { unmanaged: Some(UnmanagedReason::Paused), ..seen };

        let plan = decide(&seen, &memory, standing, &SETTINGS, now);

        prop_assert!(changes_nothing(&plan), "{plan:?}");
    }

    #[test]
    fn before_an_own_write_is_seen_nothing_changes((seen, mut memory, now) in look(), later in 1..20_u32) {
        let seen_version: u32 = seen.resource_version.parse().unwrap();
        memory.wrote((seen_version + later).to_string(), now);

        let plan = decide(&seen, &memory, LEADING, &SETTINGS, now + at(29));

        prop_assert!(changes_nothing(&plan), "{plan:?}");
    }

    #[test]
    fn the_same_is_decided_on_the_same((seen, memory, now) in look(), standing in standing()) {
        let plan = decide(&seen, &memory, standing, &SETTINGS, now);

        prop_assert_eq!(decide(&seen.clone(), &memory.clone(), standing, &SETTINGS, now), plan);
    }

    #[test]
    fn to_look_twice_is_to_look_once((seen, memory, now) in look()) {
        let mut twice = memory.clone();

        twice.observe(&seen, &SETTINGS, now);

        prop_assert_eq!(twice, memory);
    }

    #[test]
    fn a_number_is_written_that_is_another_one_and_wanted((seen, memory, now) in look()) {
        let Step::Scale { to } = decide(&seen, &memory, LEADING, &SETTINGS, now).step else { return Ok(()) };

        prop_assert_eq!(Some(to), seen.source.wanted());
        prop_assert_ne!(to, seen.replicas);
    }

    #[test]
    fn there_is_a_replica_for_each_base_that_carries(seen in snapshot(), (mut memory, now) in memory()) {
        if let Source::Followed { .. } = seen.source {
            return Ok(());
        }
        memory.observe(&seen, &SETTINGS, now);
        let now = now + SETTINGS.loss_hold;

        if let Step::Scale { to } = decide(&seen, &memory, LEADING, &SETTINGS, now).step {
            prop_assert!(to >= seen.carried, "{to}");
        }
    }

    #[test]
    fn who_is_marked_is_away_and_who_loses_a_mark_is_back((seen, memory, now) in look()) {
        let plan = decide(&seen, &memory, LEADING, &SETTINGS, now);

        prop_assert!(plan.mark.iter().all(|pod| pod.departed_from().is_some()));
        prop_assert!(plan.unmark.iter().all(|pod| pod.marked && is_on_base(pod)));
        prop_assert!(plan.mark.is_empty() || plan.unmark.is_empty());
        if let Step::Scale { .. } = plan.step {
            prop_assert!(plan.unmark.is_empty());
        }
    }

    /// And nothing else is written then: where another Pod comes to stand for it is seen first.
    #[test]
    fn who_is_deleted_is_marked_and_away((seen, memory, now) in look()) {
        let plan = decide(&seen, &memory, LEADING, &SETTINGS, now);

        prop_assert!(plan.delete.iter().all(|pod| pod.departed_from().is_some() && pod.marked));
        if !plan.delete.is_empty() {
            prop_assert_eq!(&plan, &Plan { delete: plan.delete.clone(), ..hold(Hold::PodsToGo, None) });
        }
    }

    /// What the ReplicaSet controller knows of marks decides nothing.
    #[test]
    fn no_scale_down_meets_a_pod_of_a_departed_base((seen, memory, now) in look()) {
        let Step::Scale { to } = decide(&seen, &memory, LEADING, &SETTINGS, now).step else { return Ok(()) };

        prop_assert!(to > seen.replicas || seen.strays().next().is_none());
    }

    #[test]
    fn who_waits_knows_until_when((seen, memory, now) in look()) {
        if let Step::Hold { until: Some(until), .. } = decide(&seen, &memory, LEADING, &SETTINGS, now).step {
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
        let Step::Scale { to } = plan.step else { return Ok(()) };
        if to >= seen.replicas {
            return Ok(());
        }

        let after = scaled_down(&cluster, &lucks, &surplus(&seen, to, share));

        prop_assert_eq!(robbed(&cluster, &after), None, "{} -> {}: {:?}", seen.replicas, to, after);
    }

    /// Where there were no more bases lately than there are replicas, and these are the ones that warden settled on, as it is
    /// once it has caught up. Then what a process knows and the next one does not is what the next one waits for anew; but for
    /// the last ones of a mass loss of which most are back, which the next one takes for a few that went by themselves.
    #[test]
    fn who_has_forgotten_acts_no_sooner(
        looks in vec((cluster(), select(vec![0, 1, 2, 3, 59, 61, 301])), 1..8),
        forgets in 0..8_usize,
    ) {
        let replicas = 6;
        let (mut kept, mut lost) = (Watcher::default(), Watcher::default());
        let mut now = Moment::ZERO;
        for (number, (cluster, gap)) in looks.into_iter().enumerate() {
            now += at(gap);
            if number == forgets {
                lost = Watcher::default();
            }
            let line = Some(format!("{replicas}/{replicas} bases, 2026-11-01T00:00:00Z"));
            let seen = Snapshot { status_line: line, ..Cluster { replicas, ..cluster }.snapshot() };
            let (kept, lost) = (kept.looks(&seen, now), lost.looks(&seen, now));
            let waits = matches!(
                lost.step,
                Step::Hold { reason: Hold::Settling | Hold::MassLoss(_) | Hold::Returning, .. }
            );
            let is_mostly_back = matches!(kept.step, Step::Hold { reason: Hold::MassLoss(_), .. })
                && Loss::of(&seen, replicas).is_none();
            if !waits && !is_mostly_back {
                prop_assert_eq!(kept, lost);
            }
        }
    }
}
