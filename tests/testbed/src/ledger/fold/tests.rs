use super::*;

const BIZ1: &str = "biz1:1.0.0";

/// Books with bases, each with its node's name.
fn bases(names: &[&str]) -> Ledger {
    let mut ledger = Ledger::default();
    for (number, name) in (1..).zip(names) {
        ledger.apply(node(name, name, number));
    }
    ledger
}

fn node(name: &str, uid: &str, resource_version: u64) -> Event {
    Event::NodeApplied(NodeSeen { uid: uid.to_owned(), name: name.to_owned(), resource_version })
}

fn node_gone(name: &str, uid: &str, resource_version: u64) -> Event {
    Event::NodeGone(NodeSeen { uid: uid.to_owned(), name: name.to_owned(), resource_version })
}

fn pod(uid: &str, module: &str, node: Option<&str>, resource_version: u64) -> PodSeen {
    let module = match module.split_once(':') {
        Some((name, version)) => Ok(Module::new(name, version)),
        None => Err((module.to_owned(), "it has no BIZ_VERSION")),
    };
    PodSeen {
        uid: uid.to_owned(),
        name: format!("ns/{uid}"),
        node: node.map(str::to_owned),
        modules: vec![module],
        is_deleted: false,
        resource_version,
    }
}

fn bound(uid: &str, module: &str, node: &str, resource_version: u64) -> Event {
    Event::PodApplied(pod(uid, module, Some(node), resource_version))
}

fn deleting(uid: &str, module: &str, node: &str, resource_version: u64) -> Event {
    Event::PodApplied(PodSeen { is_deleted: true, ..pod(uid, module, Some(node), resource_version) })
}

fn gone(uid: &str, resource_version: u64) -> Event {
    Event::PodGone { uid: uid.to_owned(), resource_version }
}

fn runs(ledger: &Ledger, base: &str) -> Vec<String> {
    ledger.runs(base).iter().map(Module::to_string).collect()
}

#[test]
fn a_pod_installs_when_it_is_bound_and_not_before() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(Event::PodApplied(pod("p1", BIZ1, None, 10)));
    assert!(runs(&ledger, "b1").is_empty());
    ledger.apply(bound("p1", BIZ1, "b1", 11));
    assert_eq!(runs(&ledger, "b1"), [BIZ1]);
}

#[test]
fn a_base_refuses_a_module_without_version() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("p1", "biz1", "b1", 10));
    assert!(runs(&ledger, "b1").is_empty());
    let history = ledger.history("b1");
    assert!(matches!(history[1].change, Change::Refused { .. }), "{history:?}");
}

#[test]
fn the_deletion_timestamp_uninstalls_and_the_end_of_the_pod_does_nothing_more() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    ledger.apply(deleting("p1", BIZ1, "b1", 11));
    assert!(runs(&ledger, "b1").is_empty());
    // Another pod installs it again while the first is still terminating.
    ledger.apply(bound("p2", BIZ1, "b1", 12));
    ledger.apply(gone("p1", 13));
    assert_eq!(runs(&ledger, "b1"), [BIZ1]);
}

#[test]
fn a_pod_that_vanishes_uninstalls_too() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    ledger.apply(gone("p1", 11));
    assert!(runs(&ledger, "b1").is_empty());
}

#[test]
fn rolling_to_the_same_version_on_one_base_leaves_it_empty() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("old", BIZ1, "b1", 10));
    let mark = ledger.mark();
    ledger.apply(bound("new", BIZ1, "b1", 11));
    ledger.apply(deleting("old", BIZ1, "b1", 12));
    ledger.apply(gone("old", 13));
    assert!(runs(&ledger, "b1").is_empty());
    let two = ledger.two_at_once(mark);
    assert_eq!(two.as_deref(), Some("b1 has biz1:1.0.0 by two pods, the other is ns/old (pod ns/new)"));
    let without = ledger.was_ever_without("b1", "biz1", mark);
    assert_eq!(without.as_deref(), Some("without biz1: b1 uninstalled biz1:1.0.0 (pod ns/old)"));
}

#[test]
fn rolling_to_a_new_version_leaves_the_base_never_without() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("old", BIZ1, "b1", 10));
    let mark = ledger.mark();
    ledger.apply(bound("new", "biz1:2.0.0", "b1", 11));
    ledger.apply(deleting("old", BIZ1, "b1", 12));
    assert_eq!(runs(&ledger, "b1"), ["biz1:2.0.0"]);
    assert_eq!(ledger.was_ever_without("b1", "biz1", mark), None);
    assert_eq!(ledger.two_at_once(mark), None);
}

#[test]
fn uninstalling_first_leaves_the_base_without_for_a_while() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("old", BIZ1, "b1", 10));
    let mark = ledger.mark();
    ledger.apply(deleting("old", BIZ1, "b1", 11));
    ledger.apply(bound("new", "biz1:2.0.0", "b1", 12));
    assert!(ledger.was_ever_without("b1", "biz1", mark).is_some());
    assert_eq!(ledger.was_ever_without("b1", "biz1", ledger.mark()), None);
}

#[test]
fn a_base_without_at_the_mark_was_without() {
    let mut ledger = bases(&["b1"]);
    let mark = ledger.mark();
    assert!(ledger.was_ever_without("b1", "biz1", mark).is_some());
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    assert!(ledger.was_ever_without("b1", "biz1", mark).is_some());
}

#[test]
fn a_base_that_never_was_there_passes_for_nothing() {
    let ledger = bases(&["b1"]);
    assert_eq!(ledger.was_ever_without("b2", "biz1", ledger.mark()).as_deref(), Some("base b2 was never there"));
}

#[test]
fn a_departed_base_misses_nothing() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    let mark = ledger.mark();
    ledger.apply(node_gone("b1", "b1", 11));
    ledger.apply(deleting("p1", BIZ1, "b1", 12));
    assert!(!ledger.lives("b1"));
    assert_eq!(ledger.was_ever_without("b1", "biz1", mark), None);
}

#[test]
fn a_base_that_restarts_is_empty_and_stays_so() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    let mark = ledger.mark();
    ledger.apply(node_gone("b1", "b1", 11));
    ledger.apply(node("b1", "b1-again", 12));
    ledger.apply(bound("p1", BIZ1, "b1", 13));
    assert!(ledger.lives("b1"));
    assert!(runs(&ledger, "b1").is_empty());
    assert_eq!(ledger.was_ever_without("b1", "biz1", mark).as_deref(), Some("without biz1: b1 joined, empty"));
    ledger.apply(bound("p2", BIZ1, "b1", 14));
    assert_eq!(runs(&ledger, "b1"), [BIZ1]);
}

#[test]
fn a_restart_seen_as_one_change_counts_as_a_restart() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    ledger.apply(node("b1", "b1-again", 12));
    assert!(runs(&ledger, "b1").is_empty());
}

#[test]
fn a_pod_seen_before_its_base_is_installed_when_the_base_is_seen() {
    let mut ledger = Ledger::default();
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    ledger.apply(node("b1", "b1", 9));
    assert_eq!(runs(&ledger, "b1"), [BIZ1]);
}

#[test]
fn a_pod_of_the_new_base_seen_before_the_restart_belongs_to_the_new_base() {
    let mut ledger = bases(&["b1"]);
    ledger.apply(bound("p2", BIZ1, "b1", 20));
    ledger.apply(node_gone("b1", "b1", 11));
    ledger.apply(node("b1", "b1-again", 12));
    assert_eq!(runs(&ledger, "b1"), [BIZ1]);
}

#[test]
fn a_list_ends_what_it_does_not_show() {
    let mut ledger = bases(&["b1", "b2"]);
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    ledger.apply(bound("p2", BIZ1, "b2", 11));
    ledger.apply(Event::OnlyPods(BTreeSet::from(["p2".to_owned()])));
    assert!(runs(&ledger, "b1").is_empty());
    ledger.apply(Event::OnlyNodes(BTreeSet::from(["b1".to_owned()])));
    assert_eq!(ledger.bases().collect::<Vec<_>>(), ["b1"]);
    assert!(runs(&ledger, "b2").is_empty());
}

#[test]
fn pods_on_other_bases_are_not_two_at_once() {
    let mut ledger = bases(&["b1", "b2"]);
    ledger.apply(bound("p1", BIZ1, "b1", 10));
    ledger.apply(bound("p2", BIZ1, "b2", 11));
    assert_eq!(ledger.two_at_once(Mark(0)), None);
}

#[test]
fn it_reads_as_a_table() {
    let mut ledger = bases(&["vnode.b1.dev", "b2"]);
    ledger.apply(bound("p1", BIZ1, "vnode.b1.dev", 10));
    ledger.apply(bound("p2", "biz2:1.0.0", "vnode.b1.dev", 11));
    assert_eq!(ledger.to_string(), "BASE          RUNS\nb2            -\nvnode.b1.dev  biz1:1.0.0, biz2:1.0.0");
}

#[test]
fn a_gap_is_the_time_from_the_end_of_the_last_version_to_the_next_one() {
    // Given a base with a module
    let second = Duration::from_secs;
    let mut ledger = bases(&["b1"]);
    ledger.apply_at(second(1), bound("p1", BIZ1, "b1", 10));
    let since = ledger.mark();
    // When a new version is installed before the old one goes, then there is no gap
    ledger.apply_at(second(2), bound("p2", "biz1:2.0.0", "b1", 11));
    ledger.apply_at(second(3), deleting("p1", BIZ1, "b1", 12));
    assert!(ledger.gaps("b1", "biz1", since).is_empty());
    // When the module goes and comes again, then there is one, and not before
    ledger.apply_at(second(5), deleting("p2", "biz1:2.0.0", "b1", 13));
    assert!(ledger.gaps("b1", "biz1", since).is_empty());
    ledger.apply_at(second(9), bound("p3", "biz1:2.0.0", "b1", 14));
    assert_eq!(ledger.gaps("b1", "biz1", since), [second(4)]);
    // And none of another module, and none of before the mark
    assert!(ledger.gaps("b1", "biz2", since).is_empty());
    assert!(ledger.gaps("b1", "biz1", ledger.mark()).is_empty());
}
