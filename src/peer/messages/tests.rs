//! The texts of Events. Those of the state are tested with it.

use rstest::rstest;

use super::*;
use crate::peer::testing::Cluster;

fn hosts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("host-{number}")).collect()
}

#[rstest]
#[case::one(1, "deleted Pods of departed bases: base-0")]
#[case::five(5, "deleted Pods of departed bases: base-0, base-1, base-2, base-3, base-4")]
#[case::many(100, "deleted Pods of departed bases: base-0, base-1, base-2, base-3, base-4 and 95 more")]
fn deleted_pods_are_named_by_their_bases(#[case] count: u32, #[case] note: &str) {
    let cluster = Cluster::of(count).depart(count).mark();

    assert_eq!(pods_deleted(&cluster.pods.iter().collect::<Vec<_>>()), note);
}

#[rstest]
fn a_refusal_says_why() {
    assert_eq!(deletion_refused("Pods stay"), "deletion of Pods of departed bases refused: Pods stay");
}

#[rstest]
#[case::some(2, "have the host name host-0, host-1, and")]
#[case::as_many_as_fit(5, "host name host-0, host-1, host-2, host-3, host-4, and")]
#[case::more(6, "host-4 and 1 more, and")]
#[case::many(1000, "host-4 and 995 more, and")]
fn of_many_shared_hosts_the_first_are_named(#[case] count: usize, #[case] says: &str) {
    let note = shared_hostname(&hosts(count));

    assert!(note.contains(says), "{note}");
    assert!(note.len() <= 1024);
}
