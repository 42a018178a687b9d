//! Whether the bases of a module have memory.

use serde_json::{Value, json};

use super::cases::{deployment, node, stored};
use super::world::{World, key, node_facts};
use crate::k8s::Update;
use crate::module::Kind;
use crate::peer::{Change, PeerIndex};
use crate::policy::{Policy, Request};

/// A base of this version with such memory.
fn base(version: &str, memory: &str) -> Value {
    let mut base = node(version, version);
    base["status"] = json!({"capacity": {"memory": memory}});
    base
}

#[test]
fn it_is_that_of_the_nodes_where_its_pods_can_run() {
    // Given a module for the bases of version 1
    let (orders, mut world) = (key("shop", "orders"), World::default());
    let mut manifest = deployment("shop", "orders");
    manifest["metadata"]["annotations"] = json!({"base.koupleless.io/version": "1"});
    world.set_deployment(&orders, Some(manifest));
    let pod = Policy::default().pod_of(Request::creation(Kind::Deployment), &stored(&world, &orders));
    let mut index = PeerIndex::new(Policy::default());
    let mut with = |name: &str, base: &Value| {
        index.apply(Change::Node(Update::Apply(name.to_owned(), node_facts(base))));
        index.offer_memory(&pod)
    };
    // When there is none, then it is not known
    assert_eq!(with("other", &base("2", "256Mi")), None);
    // When there is one without memory, and then one with some
    assert_eq!(with("a", &base("1", "0")), Some(false));
    let mut cordoned = base("1", "256Mi");
    cordoned["spec"]["unschedulable"] = json!(true);
    assert_eq!(with("b", &cordoned), Some(true));
    // When its JVM has a limit no more, then there is none again
    assert_eq!(with("b", &base("1", "0")), Some(false));
}
