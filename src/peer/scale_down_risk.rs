//! Which bases a scale-down could take the module from, by the ReplicaSet controller's own order (`ActivePodsWithRanks` in
//! `pkg/controller/controller_utils.go`): it deletes Pods on no node first, then those that are not Running, not Ready, of a lower
//! deletion cost. The rest of that order is taken as a tie, in which any Pod may go: ages and restarts, and before these the
//! number of Pods of the same Deployment on the node, since a rollout may create and bind more Pods before a scale-down is
//! followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Place, Pod, Snapshot, Source};

/// A base that could be left without the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AtRisk {
    /// Its Node; none where it could be any of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Whether several ReplicaSets have Pods: a rollout is under way.
    pub in_rollout: bool,
}

/// A base that counts and from which a scale-down to `to` could take the module, if there is one.
pub(super) fn base_at_risk(snapshot: &Snapshot, to: u32) -> Option<AtRisk> {
    // The nodes of a followed workload's bases are not known; and where no base carries the module, none can lose it.
    if matches!(snapshot.source, Source::Followed { .. }) || snapshot.carried == 0 {
        return None;
    }
    match snapshot.replica_sets.as_slice() {
        [] => None,
        [(_, pods)] => in_one_set(snapshot, *pods, to),
        _ => in_several_sets(snapshot, to),
    }
}

/// The snapshot lists the unhealthy Pods. All others are healthy and must not be taken, so only Pods that rank before them may
/// go.
fn in_one_set(snapshot: &Snapshot, pods: u32, to: u32) -> Option<AtRisk> {
    let surplus = pods.saturating_sub(to);
    let unhealthy: Vec<&Pod> = snapshot.pods.iter().filter(|pod| rank(pod) < HEALTHY).collect();
    let (candidates, count) = first_to_go(&unhealthy, surplus);
    let base = candidates.iter().find_map(|pod| pod.base());
    if base.is_some() || count < surplus {
        return Some(AtRisk { base: base.map(str::to_owned), in_rollout: false });
    }
    None
}

/// In a rollout it is not known from which ReplicaSet the Deployment controller takes, so each is assumed to lose the whole
/// surplus, surge Pods in a percentage among it, where fewer replicas have fewer of these. Each base must keep a Pod that is as
/// good as the best that it has now.
fn in_several_sets(snapshot: &Snapshot, to: u32) -> Option<AtRisk> {
    let with_surge = |replicas: u32| replicas.saturating_add(snapshot.max_surge.at(replicas));
    let surplus = snapshot.pod_count().max(with_surge(snapshot.replicas)).saturating_sub(with_surge(to));
    let mut on_base: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in &snapshot.pods {
        if let Some(base) = pod.base() {
            on_base.entry(base).or_default().push(pod);
        }
    }
    let mut may_go = BTreeSet::new();
    for (replica_set, _) in &snapshot.replica_sets {
        let of_set: Vec<&Pod> = snapshot.pods.iter().filter(|pod| pod.replica_set == *replica_set).collect();
        // A Pod whose module is being installed may be Ready by then, and then goes no sooner than the others.
        let installed: Vec<Pod> = of_set.iter().map(|pod| as_installed(pod)).collect();
        let installed: Vec<&Pod> = installed.iter().collect();
        for pods in [of_set, installed] {
            may_go.extend(first_to_go(&pods, surplus).0.into_iter().map(|pod| pod.uid.clone()));
        }
    }
    let serves = |pod: &&&Pod| pod.running && pod.ready;
    let stays = |pod: &&&Pod| !may_go.contains(&pod.uid);
    on_base.into_iter().find_map(|(base, pods)| {
        let is_safe = if pods.iter().any(|pod| serves(&pod)) {
            pods.iter().filter(serves).any(|pod| stays(&pod))
        } else {
            // Any of them may be the first to serve.
            pods.iter().all(|pod| stays(&pod))
        };
        (!is_safe).then(|| AtRisk { base: Some(base.to_owned()), in_rollout: true })
    })
}

fn as_installed(pod: &Pod) -> Pod {
    let is_on_base = pod.base().is_some();
    Pod { running: pod.running || is_on_base, ready: pod.ready || is_on_base, ..pod.clone() }
}

/// The order in which Pods go, lowest first: on a node, Running, Ready, the deletion cost.
type Rank = (bool, bool, bool, i32);

/// The rank of a healthy Pod.
const HEALTHY: Rank = (true, true, true, 0);

fn rank(pod: &Pod) -> Rank {
    (pod.place != Place::Nowhere, pod.running, pod.ready, pod.deletion_cost)
}

/// The Pods that may be among the first `surplus` to go, with all those of the same rank as the last of them; and how many Pods
/// these are: fewer than `surplus` where `pods` has no more.
fn first_to_go<'a>(pods: &[&'a Pod], surplus: u32) -> (Vec<&'a Pod>, u32) {
    let mut by_rank: BTreeMap<_, Vec<&Pod>> = BTreeMap::new();
    for &pod in pods {
        by_rank.entry(rank(pod)).or_default().push(pod);
    }
    let mut may_go = Vec::new();
    let mut count: u32 = 0;
    for pods in by_rank.into_values() {
        if count >= surplus {
            break;
        }
        count = count.saturating_add(u32::try_from(pods.len()).unwrap_or(u32::MAX));
        may_go.extend(pods);
    }
    (may_go, count)
}

impl Pod {
    fn base(&self) -> Option<&str> {
        match &self.place {
            Place::Base(node) => Some(node),
            Place::Nowhere | Place::Departed(_) => None,
        }
    }
}

impl fmt::Display for AtRisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base.as_deref().unwrap_or("a base that is there");
        write!(f, "a scale-down now could take the module from {base}")?;
        if self.in_rollout { f.write_str(", in the middle of a rollout") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
