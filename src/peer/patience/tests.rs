//! Looks at given times, and what people hear of them.

use rstest::rstest;

use super::*;
use crate::peer::Loss;
use crate::peer::testing::at;

const LOSS: Hold = Hold::MassLoss(Loss { lost: 6, of: 10 });

fn held(reason: Hold) -> Step {
    Step::Hold { reason, until: None }
}

/// What is told at each of these looks, in the seconds at which they happen.
fn told(patience: &mut Patience, looks: impl IntoIterator<Item = (u64, Step)>) -> Vec<(u64, Turn)> {
    looks.into_iter().filter_map(|(second, step)| Some((second, patience.notice(&step, at(second))?))).collect()
}

#[rstest]
fn what_does_not_pass_by_itself_is_told_at_once_and_once() {
    let mut patience = Patience::default();

    let heard = told(&mut patience, [(5, held(LOSS)), (6, held(LOSS)), (99, held(LOSS)), (100, Step::Keep)]);

    assert_eq!(heard, [(5, Turn::Held), (100, Turn::Resumed)]);
}

#[rstest]
fn what_passes_within_moments_is_told_once_it_has_lasted() {
    let mut patience = Patience::default();
    // Given a hold that is not told yet
    assert_eq!(told(&mut patience, [(5, held(Hold::PodsUnseen))]), []);
    assert_eq!((patience.told(), patience.runs_out_at()), (None, Some(at(35))));
    // When it lasts, for one reason or another
    let looks = [(20, held(Hold::ControllerBehind)), (34, held(Hold::PodsUnseen)), (35, held(Hold::PodsUnseen))];
    // Then it is told by the reason that it has by then
    assert_eq!(told(&mut patience, looks), [(35, Turn::Held)]);
    assert_eq!((patience.told(), patience.runs_out_at()), (Some("pods_unseen"), None));
    // And so is its end
    assert_eq!(told(&mut patience, [(50, Step::Scale { to: 3 }), (51, Step::Keep)]), [(50, Turn::Resumed)]);
}

#[rstest]
#[case::right(Step::Keep)]
#[case::written(Step::Scale { to: 3 })]
#[case::not_ours(held(Hold::NotSynced))]
#[case::anothers(held(Hold::NotLeader))]
fn a_break_begins_the_time_anew(#[case] between: Step) {
    let mut patience = Patience::default();
    let looks =
        [(0, held(Hold::MarksUnseen)), (20, between), (25, held(Hold::MarksUnseen)), (54, held(Hold::MarksUnseen))];

    assert_eq!(told(&mut patience, looks), []);
    assert_eq!(patience.runs_out_at(), Some(at(55)));
}

#[rstest]
#[case::not_synced(Hold::NotSynced)]
#[case::not_leader(Hold::NotLeader)]
fn what_is_not_our_business_is_never_told(#[case] reason: Hold) {
    let mut patience = Patience::default();

    assert_eq!(told(&mut patience, (0..500).map(|second| (second, held(reason.clone())))), []);
    assert_eq!(patience.runs_out_at(), None);
}

#[rstest]
fn a_moment_of_another_reason_is_neither_told_nor_an_end() {
    let mut patience = Patience::default();
    // Given a mass loss that is told
    assert_eq!(told(&mut patience, [(0, held(LOSS))]), [(0, Turn::Held)]);
    // When other reasons come between, but never for long
    let looks = (1..500).map(|second| (second, held(if second % 20 == 0 { LOSS } else { Hold::Settling })));
    // Then nothing is told, and the mass loss is what people know
    assert_eq!(told(&mut patience, looks), []);
    assert_eq!(patience.told(), Some("mass_loss"));
}

#[rstest]
fn another_reason_that_lasts_is_told_too() {
    let mut patience = Patience::default();
    let looks = (0..=300).map(|second| (second, held(if second < 100 { LOSS } else { Hold::MarksUnseen })));

    assert_eq!(told(&mut patience, looks), [(0, Turn::Held), (130, Turn::Held)]);
    assert_eq!(patience.told(), Some("marks_unseen"));
}

#[rstest]
fn a_reason_that_does_not_pass_is_told_in_the_middle_of_another() {
    let mut patience = Patience::default();
    let looks = [(0, held(Hold::PodsToGo)), (30, held(Hold::PodsToGo)), (31, held(LOSS))];

    assert_eq!(told(&mut patience, looks), [(30, Turn::Held), (31, Turn::Held)]);
    assert_eq!(patience.told(), Some("mass_loss"));
}

#[rstest]
fn who_takes_the_number_back_ends_a_hold_in_silence() {
    let mut patience = Patience::default();
    assert_eq!(told(&mut patience, [(0, held(LOSS))]), [(0, Turn::Held)]);

    patience.forget();

    assert_eq!((patience.told(), patience.runs_out_at()), (None, None));
    assert_eq!(told(&mut patience, [(1, Step::Keep)]), []);
}
