//! The texts, and their lengths.

use rstest::rstest;

use super::*;
use crate::peer::Loss;
use crate::peer::testing::{Cluster, followed};

const LOSS: Hold = Hold::MassLoss(Loss { lost: 6, of: 10 });

fn nothing() -> Hold {
    Hold::NothingToFollow { workload: "StatefulSet/base".to_owned() }
}

fn hosts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("host-{number}")).collect()
}

/// The line without its time.
fn line(seen: &Snapshot, step: &Step, told: bool) -> Option<String> {
    let line = status_line(seen, step, told)?;
    let (text, time) = line.rsplit_once(", ")?;
    assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
    Some(text.to_owned())
}

/// Ten replicas for four bases, under this line.
fn ten_for_four(said: Option<&str>) -> Snapshot {
    Snapshot { replicas: 10, status_line: said.map(str::to_owned), ..Cluster::of(4).snapshot() }
}

#[rstest]
#[case::a_loss(LOSS, None, "10/4 bases, held: 6 of 10 bases went at once")]
#[case::of_our_number(
    Hold::PodsUnseen,
    Some("10/10 bases, 2026-11-01T00:00:00Z"),
    "10/4 bases, held: not all Pods have been made and seen yet"
)]
#[case::of_a_users(
    Hold::PodsUnseen,
    Some("4/4 bases, 2026-11-01T00:00:00Z"),
    "held: not all Pods have been made and seen yet, 10/4 bases"
)]
#[case::of_nobodys(Hold::PodsToGo, None, "held: Pods of departed bases have still to go, 10/4 bases")]
fn a_number_that_the_line_begins_with_is_wardens(
    #[case] reason: Hold,
    #[case] said: Option<&str>,
    #[case] expected: &str,
) {
    let seen = ten_for_four(said);
    let step = Step::Hold { reason, until: None };
    // When people have been told, then the line says it too
    assert_eq!(line(&seen, &step, true).as_deref(), Some(expected));
    // And once
    let said = format!("{expected}, 2026-11-01T00:00:00Z");
    assert_eq!(line(&ten_for_four(Some(&said)), &step, true), None);
}

#[rstest]
fn a_followed_workload_that_is_missing_is_named() {
    let seen = Snapshot { source: followed(2, None), ..Cluster::of(2).snapshot() };
    let step = Step::Hold { reason: nothing(), until: None };

    let expected = "2/? ready of StatefulSet/base, held: there is no StatefulSet/base to follow";
    assert_eq!(line(&seen, &step, true).as_deref(), Some(expected));
}

#[rstest]
#[case::one(1, "deleted Pods of departed bases: base-0")]
#[case::five(5, "deleted Pods of departed bases: base-0, base-1, base-2, base-3, base-4")]
#[case::many(100, "deleted Pods of departed bases: base-0, base-1, base-2, base-3, base-4 and 95 more")]
fn deleted_pods_are_named_by_their_bases(#[case] count: u32, #[case] note: &str) {
    let cluster = Cluster::of(count).depart(count).mark();

    assert_eq!(deleted(&cluster.pods.iter().collect::<Vec<_>>()), note);
}

#[rstest]
fn a_refusal_says_why() {
    assert_eq!(not_deleted("Pods stay"), "deletion of Pods of departed bases refused: Pods stay");
}

#[rstest]
fn what_people_were_not_told_is_not_written() {
    let step = Step::Hold { reason: Hold::Settling, until: None };

    assert_eq!(line(&ten_for_four(None), &step, false), None);
    assert_eq!(line(&ten_for_four(None), &Step::Scale { to: 4 }, false), None);
    assert_eq!(line(&ten_for_four(None), &Step::Keep, false).as_deref(), Some("10/4 bases"));
}

#[rstest]
#[case::some(2, "have the host name host-0, host-1, and")]
#[case::as_many_as_fit(5, "host name host-0, host-1, host-2, host-3, host-4, and")]
#[case::more(6, "host-4 and 1 more, and")]
#[case::many(1000, "host-4 and 995 more, and")]
fn of_many_shared_hosts_the_first_are_named(#[case] count: usize, #[case] says: &str) {
    let note = shared(&hosts(count));

    assert!(note.contains(says), "{note}");
    assert!(note.len() <= NOTE_LIMIT);
}

#[rstest]
#[case::short("orders", 10)]
#[case::just_as_long("o", 1024)]
#[case::longer("o", 1025)]
#[case::much_longer("o", 5000)]
#[case::cut_within_a_character("基", 400)]
#[case::one_byte_more_before_it("a基", 300)]
fn a_note_fits_the_limit(#[case] part: &str, #[case] times: usize) {
    let note = part.repeat(times);

    let cut = cut(note.clone());

    let is_short = note.len() <= 1024;
    assert!(cut.len() <= 1024 && (is_short || cut.len() > 1018), "{} bytes", cut.len());
    assert_eq!(cut == note, is_short);
    assert_eq!(cut.ends_with('…'), !is_short);
    assert!(note.starts_with(cut.trim_end_matches('…')));
}
