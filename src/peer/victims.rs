//! Whom a scale-down would hit, by the ReplicaSet controller's own order (`ActivePodsWithRanks` in
//! `pkg/controller/controller_utils.go`): Pods on no node first, then those not Running, not Ready, of a lower deletion cost.
//! What comes after that is taken as a tie, and any of them may go: ages and restarts, and before these who is beside more Pods
//! of the same Deployment, as in a rollout more Pods may be made and bound before a scale-down is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::peer::{Place, Pod, Snapshot, Source};

/// A base that would be left without the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endangered {
    /// Its Node; none where any of several could be hit.
    pub base: Option<String>,
    /// Whether several ReplicaSets have Pods: a rollout is under way.
    pub in_rollout: bool,
}

/// Whether to scale down to `to` could take the module from a base that counts, and from which.
pub(super) fn endangered(seen: &Snapshot, to: u32) -> Option<Endangered> {
    // Of a workload's bases nobody knows where they are; and where no base carries it, none can lose it.
    if matches!(seen.source, Source::Followed { .. }) || seen.carried == 0 {
        return None;
    }
    match seen.replica_sets.as_slice() {
        [] => None,
        [(_, pods)] => in_one_set(seen, *pods, to),
        _ => in_several_sets(seen, to),
    }
}

/// The Pods that stand out are listed, all others are well and never to be taken: only those that go before them count.
fn in_one_set(seen: &Snapshot, pods: u32, to: u32) -> Option<Endangered> {
    let leave = pods.saturating_sub(to);
    let listed: Vec<&Pod> = seen.pods.iter().filter(|pod| rank(pod) < WELL).collect();
    let (victims, count) = first_to_go(&listed, leave);
    let hit = victims.iter().find_map(|pod| pod.base());
    if hit.is_some() || count < leave {
        return Some(Endangered { base: hit.map(str::to_owned), in_rollout: false });
    }
    None
}

/// In a rollout nobody can say from which ReplicaSet the Deployment controller takes, so each is taken to lose all of them:
/// a percentage of surge Pods among them, if there are fewer of these then. A base must come out of it with a Pod as good as it
/// has now.
fn in_several_sets(seen: &Snapshot, to: u32) -> Option<Endangered> {
    let with_surge = |replicas: u32| replicas.saturating_add(seen.max_surge.at(replicas));
    let leave = seen.pod_count().max(with_surge(seen.replicas)).saturating_sub(with_surge(to));
    let mut on_base: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in &seen.pods {
        if let Some(base) = pod.base() {
            on_base.entry(base).or_default().push(pod);
        }
    }
    let mut victims = BTreeSet::new();
    for (replica_set, _) in &seen.replica_sets {
        let of_set: Vec<&Pod> = seen.pods.iter().filter(|pod| pod.replica_set == *replica_set).collect();
        // Who is being installed may be Ready by then, and no sooner to go than the others.
        let installed: Vec<Pod> = of_set.iter().map(|pod| as_installed(pod)).collect();
        let installed: Vec<&Pod> = installed.iter().collect();
        for pods in [of_set, installed] {
            victims.extend(first_to_go(&pods, leave).0.into_iter().map(|pod| pod.uid.clone()));
        }
    }
    let serves = |pod: &&&Pod| pod.running && pod.ready;
    let is_left = |pod: &&&Pod| !victims.contains(&pod.uid);
    on_base.into_iter().find_map(|(base, pods)| {
        let is_safe = if pods.iter().any(|pod| serves(&pod)) {
            pods.iter().filter(serves).any(|pod| is_left(&pod))
        } else {
            // Any of them may be the first to serve.
            pods.iter().all(|pod| is_left(&pod))
        };
        (!is_safe).then(|| Endangered { base: Some(base.to_owned()), in_rollout: true })
    })
}

fn as_installed(pod: &Pod) -> Pod {
    let is_on_base = pod.base().is_some();
    Pod { running: pod.running || is_on_base, ready: pod.ready || is_on_base, ..pod.clone() }
}

/// The order in which Pods go: on a node, Running, Ready, the deletion cost.
type Rank = (bool, bool, bool, i32);

/// That of a Pod that is well.
const WELL: Rank = (true, true, true, 0);

fn rank(pod: &Pod) -> Rank {
    (pod.place != Place::Nowhere, pod.running, pod.ready, pod.deletion_cost)
}

/// The Pods that may be among the first `leave` to go, and how many of those that must go are found here: fewer than `leave`
/// where the others are not listed.
fn first_to_go<'a>(pods: &[&'a Pod], leave: u32) -> (Vec<&'a Pod>, u32) {
    let mut classes: BTreeMap<_, Vec<&Pod>> = BTreeMap::new();
    for &pod in pods {
        classes.entry(rank(pod)).or_default().push(pod);
    }
    let mut victims = Vec::new();
    let mut count: u32 = 0;
    for class in classes.into_values() {
        if count >= leave {
            break;
        }
        count = count.saturating_add(u32::try_from(class.len()).unwrap_or(u32::MAX));
        victims.extend(class);
    }
    (victims, count)
}

impl Pod {
    fn base(&self) -> Option<&str> {
        match &self.place {
            Place::Base(node) => Some(node),
            Place::Nowhere | Place::Departed(_) => None,
        }
    }
}

impl fmt::Display for Endangered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base.as_deref().unwrap_or("a base that is there");
        write!(f, "to scale down now could take the module from {base}")?;
        if self.in_rollout { f.write_str(", in the middle of a rollout") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
