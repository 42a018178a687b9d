//! The worlds that are gone through.

use std::time::Instant;

use rstest::rstest;
use stateright::{Checker, HasDiscoveries, Model};

use super::config::Event::{
    Crashes, GivesUp, Joins, Leads, Leaves, RollsOut, TurnsAway, TurnsBack, TurnsNotReady, TurnsReady,
};
use super::config::{ABSENT, ANOTHER, Config, Event, Flaw, READY};

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
    println!("{name}: {states} states, depth {depth}, {:.1} s", start.elapsed().as_secs_f32());
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

/// Asserts that nothing is found against a world.
#[track_caller]
fn holds(name: &str, config: Config) {
    if let Some(found) = go_through(name, config) {
        panic!("{name}: {found}");
    }
}

#[rstest]
#[case::one_leaves(&[Leaves(2)])]
#[case::another_kind(&[TurnsAway(2), TurnsBack(2)])]
#[case::two_leave(&[Leaves(2), Leaves(1)])]
#[case::joins_and_leaves(&[Joins(3), Leaves(3)])]
fn one_process(#[case] events: &[Event]) {
    holds("one process", Config::new(&[READY, READY, READY, ABSENT]).events(events));
}

#[rstest]
#[case::one_leaves_one_joins(&[Leaves(2), Joins(3)])]
#[case::one_is_back(&[Leaves(2), Joins(2)])]
#[case::back_and_gone(&[Leaves(2), Joins(2), Leaves(2)])]
#[case::three(&[Leaves(2), Joins(3), Leaves(1)])]
#[case::not_ready(&[TurnsNotReady(1), Leaves(2), TurnsReady(1)])]
#[case::crash(&[Leaves(2), Joins(3), Crashes(0)])]
#[case::gives_up(&[Leaves(2), Joins(3), GivesUp(0)])]
#[ignore = "a history is found that does not end right; not looked into yet whether the plan or the model is at fault"]
fn one_process_and_more(#[case] events: &[Event]) {
    holds("one process", Config::new(&[READY, READY, READY, ABSENT]).events(events));
}

#[rstest]
#[case::leaves(&[Leaves(2), Leads(1)])]
#[case::joins(&[Joins(3), Leads(1)])]
#[case::leaves_joins(&[Leaves(2), Joins(3), Leads(1)])]
#[case::joins_leaves(&[Joins(3), Leaves(3), Leads(1)])]
#[case::and_back(&[Leaves(2), Leads(1), Leads(0)])]
#[ignore = "a history is found that does not end right; not looked into yet whether the plan or the model is at fault"]
fn two_processes(#[case] events: &[Event]) {
    holds("two processes", Config::new(&[READY, READY, READY, ABSENT]).events(events).wardens(2).ticks(4));
}

#[rstest]
#[case::quiet(&[RollsOut])]
#[case::leaves(&[RollsOut, Leaves(2)])]
#[case::joins(&[RollsOut, Joins(3)])]
#[case::both(&[RollsOut, Leaves(2), Joins(3)])]
#[ignore = "a history is found that does not end right; not looked into yet whether the plan or the model is at fault"]
fn rollout(#[case] events: &[Event]) {
    holds("rollout", Config::new(&[READY, READY, READY, ABSENT]).events(events));
}

#[test]
fn a_base_that_fits_now_gets_the_module() {
    holds("fits now", Config::new(&[READY, READY, ANOTHER]).events(&[TurnsBack(2)]));
}

/// The model has teeth: without one of its precautions, the plan is found out.
#[rstest]
#[case::skips_marks(Flaw::SkipsMarks)]
#[case::ignores_whom_it_hits(Flaw::IgnoresEndangered)]
fn a_broken_plan_is_found_out(#[case] flaw: Flaw) {
    let config = Config::new(&[READY, READY, READY, ABSENT]).events(&[Leaves(2), Joins(3)]).flaw(flaw);
    assert!(go_through("broken", config).is_some());
}
