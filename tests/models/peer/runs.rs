//! The worlds that are gone through.

use std::time::Instant;

use rstest::rstest;
use stateright::{Checker, HasDiscoveries, Model};

use super::config::Event::{
    AllAreBack, Crashes, GivesUp, Joins, Leads, Leaves, MostLeave, MovesAway, Narrows, OwnerWrites, RollsOut,
    TurnsAway, TurnsBack, TurnsNotReady, TurnsReady,
};
use super::config::{ABSENT, ANOTHER, Config, Event, Flaw, READY};
use super::world::Node;

/// More writes than any history needs.
pub(super) const MOST_WRITES: u8 = 20;
/// Histories in which warden writes more often while a watch of Nodes lags are not followed further: as long as Nodes are not
/// delivered, a Pod on one that it does not know can be made and taken again and again.
pub(super) const MOST_BLIND_WRITES: u8 = 4;

/// Goes through a world; answers with what was found against it, first of all.
fn go_through(name: &str, config: Config) -> Option<String> {
    let start = Instant::now();
    let checker = config.clone().checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{name} {:?}: {states} states, depth {depth}, {:.1} s", config.events, start.elapsed().as_secs_f32());
    let failed = ["nothing goes wrong", "warden comes to rest", "the end is right"];
    if let Some((failed, path)) = failed.into_iter().find_map(|failed| Some((failed, checker.discovery(failed)?))) {
        let last = path.last_state().clone();
        let moves = path.into_actions().into_iter().map(|next| match next {
            super::Move::Happens(number) => format!("{:?}, ", config.events[number]),
            next => format!("{next:?}, "),
        });
        return Some(format!("not so: {failed}\n{}{last:?}", moves.collect::<String>()));
    }
    assert!(checker.discovery("there is an end").is_some(), "{name}: no history comes to its end");
    None
}

/// Asserts that something is found against a world, and that it is this.
#[track_caller]
fn found_out(name: &str, what: &str, config: Config) {
    let found = go_through(name, config);
    assert!(found.as_ref().is_some_and(|found| found.contains(what)), "{name}: {found:?}");
}

/// Asserts that nothing is found against a world.
#[track_caller]
fn holds(name: &str, config: Config) {
    if let Some(found) = go_through(name, config) {
        panic!("{name}: {found}");
    }
}

/// Two bases that carry the module, and one that is not there yet.
fn two_of_three() -> Config {
    Config::new(&[READY, READY, ABSENT])
}

/// Three bases that carry the module, and one that is not there yet.
fn three_of_four() -> Config {
    Config::new(&[READY, READY, READY, ABSENT])
}

#[rstest]
#[case::one_leaves(&[Leaves(2)])]
#[case::another_kind(&[TurnsAway(2), TurnsBack(2)])]
#[case::two_leave(&[Leaves(2), Leaves(1)])]
#[case::joins_and_leaves(&[Joins(3), Leaves(3)])]
#[case::one_leaves_one_joins(&[Leaves(2), Joins(3)])]
#[case::one_is_back(&[Leaves(2), Joins(2)])]
#[case::back_and_gone(&[Leaves(2), Joins(2), Leaves(2)])]
#[case::not_ready(&[TurnsNotReady(1), Leaves(2)])]
#[case::not_ready_for_a_time(&[TurnsNotReady(1), Leaves(2), TurnsReady(1)])]
fn one_process(#[case] events: &[Event]) {
    holds("one process", three_of_four().events(events));
}

#[rstest]
#[case::crash(&[Leaves(1), Joins(2), Crashes(0)])]
#[case::gives_up(&[Leaves(1), Joins(2), GivesUp(0)])]
fn one_process_of_two_bases(#[case] events: &[Event]) {
    holds("one process", two_of_three().events(events));
}

#[test]
fn a_base_that_fits_now_gets_the_module() {
    holds("one process", Config::new(&[READY, READY, ANOTHER]).events(&[TurnsBack(2)]));
}

#[rstest]
#[case::leaves(&[Leaves(2), Leads(1)])]
#[case::joins(&[Joins(3), Leads(1)])]
#[case::joins_leaves(&[Joins(3), Leaves(3), Leads(1)])]
#[case::and_back(&[Leaves(2), Leads(1), Leads(0)])]
fn two_processes(#[case] events: &[Event]) {
    holds("two processes", three_of_four().events(events).wardens(2).waits());
}

#[test]
fn two_processes_of_two_bases() {
    holds("two processes", two_of_three().events(&[Leaves(1), Joins(2), Leads(1)]).wardens(2).waits());
}

#[rstest]
#[case::quiet(&[READY, READY, READY], &[RollsOut])]
#[case::leaves(&[READY, READY, READY], &[RollsOut, Leaves(2)])]
#[case::joins(&[READY, READY, ABSENT], &[RollsOut, Joins(2)])]
#[case::both(&[READY, READY, ABSENT], &[RollsOut, Leaves(1), Joins(2)])]
fn rollout(#[case] nodes: &[Node], #[case] events: &[Event]) {
    holds("rollout", Config::new(nodes).events(events).waits());
}

/// As after a restart of the API server, which each watch gets over in its own time.
#[rstest]
#[case::one_leaves(&[Leaves(2)])]
#[case::two_leave(&[Leaves(2), Leaves(1)])]
#[case::one_leaves_one_joins(&[Leaves(2), Joins(3)])]
#[case::another_kind(&[TurnsAway(2)])]
#[case::crash(&[Leaves(2), Crashes(0)])]
fn a_replica_set_controller_that_lags(#[case] events: &[Event]) {
    holds("manager lags", three_of_four().events(events).manager_lags());
}

#[rstest]
#[case::leaves(&[Leaves(2), Leads(1)])]
#[case::two_leave(&[Leaves(2), Leaves(1), Leads(1)])]
fn two_processes_and_a_replica_set_controller_that_lags(#[case] events: &[Event]) {
    holds("two processes, manager lags", three_of_four().events(events).wardens(2).waits().manager_lags());
}

/// A Deployment from before warden.
#[rstest]
#[case::one_leaves(&[Leaves(2)])]
#[case::two_leave(&[Leaves(2), Leaves(1)])]
#[case::joins(&[Joins(3)])]
#[case::one_leaves_one_joins(&[Leaves(2), Joins(3)])]
#[case::crash(&[Leaves(2), Crashes(0)])]
fn pods_without_labels_and_without_anti_affinity(#[case] events: &[Event]) {
    holds("without labels", three_of_four().events(events).unlabelled());
}

#[test]
fn pods_without_labels_and_a_replica_set_controller_that_lags() {
    holds("without labels, manager lags", three_of_four().events(&[Leaves(2)]).unlabelled().manager_lags());
}

#[test]
fn pods_without_labels_and_another_leader() {
    let config = two_of_three().events(&[Leaves(1), Leads(1)]).unlabelled().wardens(2).waits();
    holds("without labels, two processes", config);
}

#[test]
fn pods_without_labels_that_are_ignored_are_found_out() {
    let config = three_of_four().events(&[Leaves(2)]).unlabelled().flaw(Flaw::IgnoresUnlabelled);
    found_out("without labels", "LostItsModule", config);
}

#[rstest]
#[case::quiet(&[OwnerWrites, OwnerWrites])]
#[case::leaves(&[Leaves(2), OwnerWrites, OwnerWrites])]
#[case::joins(&[Joins(3), OwnerWrites, OwnerWrites])]
fn an_owner_that_writes(#[case] events: &[Event]) {
    holds("owner writes", three_of_four().events(events));
}

/// A new version that is for fewer bases.
#[rstest]
#[case::two_to_one(&[READY, READY, ANOTHER], &[MovesAway])]
#[case::three_to_one(&[READY, READY, READY, ANOTHER], &[MovesAway])]
#[case::three_to_two(&[READY, READY, READY, ANOTHER, ANOTHER], &[MovesAway])]
#[case::an_old_base_leaves(&[READY, READY, ANOTHER], &[MovesAway, Leaves(0)])]
#[case::owner_writes(&[READY, READY, ANOTHER], &[MovesAway, OwnerWrites])]
#[case::one_of_its_own(&[READY, READY], &[Narrows(1)])]
#[case::some_of_its_own(&[READY, READY, READY], &[Narrows(2)])]
#[case::some_of_its_own_and_the_other_leaves(&[READY, READY, READY], &[Narrows(2), Leaves(2)])]
fn a_move_to_fewer_bases(#[case] nodes: &[Node], #[case] events: &[Event]) {
    holds("move", Config::new(nodes).events(events).waits());
}

#[test]
fn a_move_that_is_ended_early_is_found_out() {
    let config = Config::new(&[READY, READY, ANOTHER]).events(&[MovesAway]).waits().flaw(Flaw::EndsMovesEarly);
    found_out("move ended early", "MoveEndedEarly", config);
}

/// Nothing is written before the hold is over, nor afterwards if all are back by then.
#[rstest]
#[case::followed(&[MostLeave(3)])]
#[case::followed_by_another_process(&[MostLeave(3), Crashes(0)])]
#[case::all_are_back(&[MostLeave(3), AllAreBack])]
#[case::all_are_back_for_another_process(&[MostLeave(3), AllAreBack, Crashes(0)])]
fn mass_loss(#[case] events: &[Event]) {
    holds("mass loss", Config::new(&[READY; 4]).events(events).waits().holds_losses(3));
}

/// The model has teeth: without one of its precautions, the plan is found out.
#[rstest]
#[case::skips_marks(Flaw::SkipsMarks, &[Leaves(2)])]
#[case::relies_on_marks(Flaw::ReliesOnMarks, &[Leaves(2)])]
#[case::ignores_a_surplus(Flaw::IgnoresSurplus, &[Leaves(2), Leaves(1)])]
fn a_broken_plan_is_found_out(#[case] flaw: Flaw, #[case] events: &[Event]) {
    found_out("broken", "LostItsModule", three_of_four().events(events).manager_lags().flaw(flaw));
}

#[test]
fn ignored_risk_of_a_scale_down_in_a_rollout_is_found_out() {
    let config = Config::new(&[READY; 3]).events(&[RollsOut, Leaves(2)]).waits().flaw(Flaw::IgnoresRisk);
    found_out("broken", "LostItsModule", config);
}

#[test]
fn a_mass_loss_that_is_not_held_is_found_out() {
    let config = Config::new(&[READY; 4]).events(&[MostLeave(3)]).waits();
    found_out("mass loss that is not held", "MassLossFollowed", Config { held: 3, ..config });
}

/// What is taken for granted of watches is needed, see [`super`].
#[test]
fn slow_watches_do_harm() {
    let config = three_of_four().events(&[Leaves(2), Joins(2)]).flaw(Flaw::SlowWatches);
    found_out("slow watches", "LostItsModule", config);
}
