//! Namespaces that are excluded.

use super::cases::deployment;
use super::world::{deployment_facts, key};
use crate::cluster::Spelling;
use crate::k8s::Update;
use crate::module::Management;
use crate::peer::{Change, PeerIndex};
use crate::policy::{NamespaceFacts, Policy};

#[test]
fn the_deployments_of_an_excluded_namespace_are_no_peers() {
    // Given a Deployment in a Namespace that is not known
    let orders = key("shop", "orders");
    let mut index = PeerIndex::new(Policy::default());
    index.exclude_unknown_namespaces();
    let facts = deployment_facts(&deployment("shop", "orders"));
    index.apply(Change::Deployment(Spelling::Current, Update::Apply(orders.clone(), facts)));
    let is_peer = |index: &PeerIndex| {
        let is_peer = index.management(&orders) == Management::Managed;
        assert_eq!((index.snapshot(&orders).is_some(), index.keys().count()), (is_peer, usize::from(is_peer)));
        is_peer
    };
    assert!(!is_peer(&index));
    // When it is known and not excluded, then it is a peer, and its subscribers are notified; and so on
    for (is_excluded, changes) in [(false, true), (false, false), (true, true), (true, false), (false, true)] {
        let facts = NamespaceFacts { is_excluded, ..NamespaceFacts::default() };
        let changed = index.apply(Change::Namespace(Update::Apply("shop".to_owned(), facts)));
        assert_eq!((is_peer(&index), changed.contains(&orders)), (!is_excluded, changes));
    }
    // When it is gone, then it is not
    assert!(index.apply(Change::Namespace(Update::Delete("shop".to_owned()))).contains(&orders));
    assert!(!is_peer(&index));
}
