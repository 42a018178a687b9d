//! The snapshot of a peer Deployment, from scratch, by the words of the contract.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::world::{World, deployment_facts, is_module, is_peer, node_facts, pod_facts};
use crate::cluster::OwnedPod;
use crate::fit::{Demand, Fit, Node};
use crate::k8s::ObjectKey;
use crate::module::{Follow, Kind, Template, Workload, identity_labels};
use crate::peer::{PeerState, Place, Pod, Snapshot, Source};
use crate::policy::{Policy, Request};
use crate::vocabulary as keys;

/// The snapshot of `key` as the cluster is.
pub(super) fn snapshot(world: &World, key: &ObjectKey) -> Option<Snapshot> {
    let object = world.deployments.get(key).filter(|object| is_peer(object))?;
    let facts = deployment_facts(object);
    let request = Request::creation(Kind::Deployment).in_namespace(world.namespaces.get(&key.namespace));
    let pod = Policy::default().pod_of(request, object);
    let template = Workload::new(Kind::Pod, &pod).template();
    let demand = Demand::of(&template);
    let labels: Vec<_> = template.metadata().labels().collect();
    let terms = template.anti_affinity();
    let apart = terms.iter().any(|term| term.keeps_apart_within(&key.namespace, &labels));

    let members = members(world, key);
    let nodes: BTreeMap<&String, Node> = world.nodes.iter().map(|(name, node)| (name, node_facts(node))).collect();
    let carries = |node: &String| members.iter().any(|(_, member)| member.node.as_ref() == Some(node));
    let counted: Vec<_> = nodes
        .iter()
        .filter(|(name, node)| match demand.judge(node) {
            Fit::Now => true,
            Fit::NotNow(_) => carries(name),
            Fit::No(_) => carries(name) && stays(object, node),
        })
        .collect();
    let (count, shared_hosts) = if apart { by_host(&counted, carries) } else { (counted.len(), Vec::new()) };
    let is_counted = |node: &String| counted.iter().any(|(name, _)| **name == node);

    let mut replica_sets = BTreeMap::<String, u32>::new();
    for (_, member) in &members {
        *replica_sets.entry(member.replica_set.clone()).or_default() += 1;
    }
    let place = |member: &OwnedPod| match &member.node {
        None => Place::Nowhere,
        Some(node) if is_counted(node) => Place::Base(node.clone()),
        Some(node) => Place::Departed(node.clone()),
    };
    let pods = members.iter().map(|(name, member)| Pod {
        name: name.name.clone(),
        uid: member.uid.clone(),
        replica_set: member.replica_set.clone(),
        place: place(member),
        running: member.running,
        ready: member.ready,
        deletion_cost: member.deletion_cost,
        marked: member.marked,
    });
    Some(Snapshot {
        uid: facts.uid,
        resource_version: facts.resource_version,
        replicas: facts.replicas,
        max_surge: facts.max_surge,
        observed: facts.observed,
        rolled_out: facts.rolled_out,
        pinned: facts.pinned,
        unmanaged: facts.unmanaged,
        state: facts.state.as_deref().and_then(PeerState::read),
        source: match followed(world, key, object) {
            Some(source) => source?,
            None => Source::Bases { count: u32::try_from(count).unwrap(), shared_hosts },
        },
        pods: pods.filter(|pod| replica_sets.len() > 1 || !pod.is_healthy()).collect(),
        replica_sets: replica_sets.into_iter().collect(),
        carried: u32::try_from(counted.iter().filter(|(name, _)| carries(name)).count()).unwrap(),
        unfit: u32::try_from(nodes.keys().filter(|name| carries(name) && !is_counted(name)).count()).unwrap(),
        not_kept_apart: not_kept_apart(world, key, &template),
    })
}

/// How many Pods that may be on a base lack a label that keeps Pods of these modules off it.
fn not_kept_apart(world: &World, key: &ObjectKey, template: &Template<'_>) -> u32 {
    let modules = identity_labels(template);
    let pods = world.pods.iter().filter(|(_, object)| is_module(object));
    let holds = |(name, object): &(&ObjectKey, &Value)| {
        let Some(pod) = pod_facts(object).unlabelled else { return false };
        let is_own = name.namespace == key.namespace && pod.deployment.as_ref() == Some(&key.name);
        let is_same = modules.iter().any(|(label, version)| pod.missing.get(label) == Some(version));
        (is_own && !pod.missing.is_empty()) || (is_same && !pod.opted_out)
    };
    u32::try_from(pods.filter(holds).count()).unwrap()
}

/// Whether what is on `node` stays there by the template as it is stored: it says so itself, but for the taints of vnodes,
/// which it says nothing of where it was never filled in.
fn stays(object: &Value, node: &Node) -> bool {
    let template = Workload::new(Kind::Deployment, object).template();
    let tolerations = template.tolerations();
    let silent = |key: &str| tolerations.iter().all(|toleration| toleration.key() != key);
    let mut node = node.clone();
    node.taints.retain(|taint| {
        ![keys::TAINT_VIRTUAL_NODE, keys::TAINT_NODE_ENV].contains(&taint.key.as_str()) || !silent(&taint.key)
    });
    !matches!(Demand::of(&template).judge(&node), Fit::No(_))
}

/// All peer Deployments.
pub(super) fn keys(world: &World) -> BTreeSet<ObjectKey> {
    world.deployments.iter().filter(|(_, object)| is_peer(object)).map(|(key, _)| key.clone()).collect()
}

fn members(world: &World, key: &ObjectKey) -> Vec<(ObjectKey, OwnedPod)> {
    let modules = world.pods.iter().filter(|(_, object)| is_module(object));
    let members = modules.filter_map(|(name, object)| Some((name.clone(), pod_facts(object).owned?)));
    members.filter(|(name, member)| name.namespace == key.namespace && member.deployment == key.name).collect()
}

fn by_host(counted: &[(&&String, &Node)], carries: impl Fn(&String) -> bool) -> (usize, Vec<String>) {
    let mut hosts = BTreeMap::<&String, Vec<&String>>::new();
    let mut count = 0;
    for (name, node) in counted {
        match node.labels.get(keys::HOSTNAME) {
            Some(host) => hosts.entry(host).or_default().push(name),
            None => count += 1,
        }
    }
    let mut shared = Vec::new();
    for (host, bases) in hosts {
        let counts = bases.iter().filter(|name| carries(name)).count().max(1);
        count += counts;
        if counts < bases.len() {
            shared.push(host.clone());
        }
    }
    (count, shared)
}

/// What it follows, if anything; inside, none while nothing is known of that.
fn followed(world: &World, key: &ObjectKey, object: &Value) -> Option<Option<Source>> {
    let annotation = object["metadata"]["annotations"][keys::FOLLOW].as_str()?;
    let size = match Follow::parse(annotation, &key.namespace) {
        Ok(workload) => world.followed.as_ref().map(|all| {
            let base = ObjectKey { namespace: workload.namespace.clone(), name: workload.name.clone() };
            let facts = all.get(&base)?;
            let of_namespace = world.namespaces.get(&workload.namespace);
            let of_namespace = of_namespace.and_then(|facts| facts.annotations.get(keys::FOLLOWERS));
            let lists = [facts.followers.as_deref(), of_namespace.map(String::as_str)];
            let consents = lists.into_iter().flatten().any(|list| list == "*" || list == key.namespace);
            (workload.namespace == key.namespace || consents).then_some(facts.size)
        }),
        Err(_) => Some(None),
    };
    Some(size.map(|size| Source::Followed { workload: annotation.to_owned(), size }))
}
