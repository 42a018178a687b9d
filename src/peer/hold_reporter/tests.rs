//! Decisions at given times, and what is reported of them.

use rstest::rstest;

use super::*;
use crate::peer::MassLoss;
use crate::peer::testing::at;

const LOSS: Hold = Hold::MassLoss(MassLoss { lost: 6, of: 10 });

fn held(reason: Hold) -> ScaleDecision {
    ScaleDecision::Hold { reason, until: None }
}

/// What is reported of each of these decisions, with the second at which it is taken.
fn reported(
    reporter: &mut HoldReporter,
    decisions: impl IntoIterator<Item = (u64, ScaleDecision)>,
) -> Vec<(u64, Transition)> {
    decisions.into_iter().filter_map(|(second, step)| Some((second, reporter.observe(&step, at(second))?))).collect()
}

#[rstest]
fn a_hold_that_does_not_end_by_itself_is_reported_at_once_and_once() {
    let mut reporter = HoldReporter::default();

    let transitions =
        reported(&mut reporter, [(5, held(LOSS)), (6, held(LOSS)), (99, held(LOSS)), (100, ScaleDecision::Keep)]);

    assert_eq!(transitions, [(5, Transition::Held), (100, Transition::Resumed)]);
}

#[rstest]
fn a_hold_that_should_end_by_itself_is_reported_once_it_has_lasted() {
    let mut reporter = HoldReporter::default();
    // Given a hold that is not reported yet
    assert_eq!(reported(&mut reporter, [(5, held(Hold::PodsUnseen))]), []);
    assert_eq!((reporter.reported(), reporter.due_at()), (None, Some(at(35))));
    // When it lasts, for one reason or another
    let decisions = [(20, held(Hold::ControllerBehind)), (34, held(Hold::PodsUnseen)), (35, held(Hold::PodsUnseen))];
    // Then it is reported with the reason that it has by then
    assert_eq!(reported(&mut reporter, decisions), [(35, Transition::Held)]);
    assert_eq!((reporter.reported(), reporter.due_at()), (Some("pods_unseen"), None));
    // And so is its end
    assert_eq!(
        reported(&mut reporter, [(50, ScaleDecision::Scale { to: 3 }), (51, ScaleDecision::Keep)]),
        [(50, Transition::Resumed)]
    );
}

#[rstest]
#[case::right(ScaleDecision::Keep)]
#[case::written(ScaleDecision::Scale { to: 3 })]
#[case::not_synced(held(Hold::NotSynced))]
#[case::not_leader(held(Hold::NotLeader))]
fn a_break_begins_the_time_anew(#[case] between: ScaleDecision) {
    let mut reporter = HoldReporter::default();
    let decisions =
        [(0, held(Hold::MarksUnseen)), (20, between), (25, held(Hold::MarksUnseen)), (54, held(Hold::MarksUnseen))];

    assert_eq!(reported(&mut reporter, decisions), []);
    assert_eq!(reporter.due_at(), Some(at(55)));
}

#[rstest]
#[case::not_synced(Hold::NotSynced)]
#[case::not_leader(Hold::NotLeader)]
fn what_the_leader_does_not_decide_is_never_reported(#[case] reason: Hold) {
    let mut reporter = HoldReporter::default();

    assert_eq!(reported(&mut reporter, (0..500).map(|second| (second, held(reason.clone())))), []);
    assert_eq!(reporter.due_at(), None);
}

#[rstest]
fn another_reason_for_a_short_time_is_neither_reported_nor_an_end() {
    let mut reporter = HoldReporter::default();
    // Given a mass loss that is reported
    assert_eq!(reported(&mut reporter, [(0, held(LOSS))]), [(0, Transition::Held)]);
    // When other reasons come between, but never for long
    let decisions =
        (1..500).map(|second| (second, held(if second % 20 == 0 { LOSS } else { Hold::DepartureDebounce })));
    // Then nothing is reported, and the mass loss is what people know
    assert_eq!(reported(&mut reporter, decisions), []);
    assert_eq!(reporter.reported(), Some("mass_loss"));
}

#[rstest]
fn another_reason_that_lasts_is_reported_too() {
    let mut reporter = HoldReporter::default();
    let decisions = (0..=300).map(|second| (second, held(if second < 100 { LOSS } else { Hold::MarksUnseen })));

    assert_eq!(reported(&mut reporter, decisions), [(0, Transition::Held), (130, Transition::Held)]);
    assert_eq!(reporter.reported(), Some("marks_unseen"));
}

#[rstest]
fn a_reason_that_does_not_end_by_itself_is_reported_in_the_middle_of_another() {
    let mut reporter = HoldReporter::default();
    let decisions = [(0, held(Hold::PodsToGo)), (30, held(Hold::PodsToGo)), (31, held(LOSS))];

    assert_eq!(reported(&mut reporter, decisions), [(30, Transition::Held), (31, Transition::Held)]);
    assert_eq!(reporter.reported(), Some("mass_loss"));
}

#[rstest]
fn a_user_who_takes_the_number_back_ends_a_hold_without_a_report() {
    let mut reporter = HoldReporter::default();
    assert_eq!(reported(&mut reporter, [(0, held(LOSS))]), [(0, Transition::Held)]);

    reporter.reset();

    assert_eq!((reporter.reported(), reporter.due_at()), (None, None));
    assert_eq!(reported(&mut reporter, [(1, ScaleDecision::Keep)]), []);
}
