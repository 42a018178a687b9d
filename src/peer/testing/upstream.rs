//! The ReplicaSet controller's choice, implemented a second time from `ActivePodsWithRanks.Less` and
//! `getPodsRankedByRelatedPodsOnSameNode`, with what the plan takes as a tie: luck decides there.
//!
//! Of the phases only Running is told from the others. Upstream puts Pending before Unknown, which nothing has set since 2015.

use std::cmp::Reverse;

use proptest::prelude::*;

use super::Cluster;
use crate::peer::{Place, Pod, Snapshot};

/// What the controller looks at and no snapshot shows.
#[derive(Debug, Clone)]
pub(in crate::peer) struct Luck {
    ready_for: u8,
    restarts: u8,
    age: u8,
}

/// The luck of a Pod.
pub(in crate::peer) fn luck() -> impl Strategy<Value = Luck> {
    (0..4_u8, 0..3_u8, any::<u8>()).prop_map(|(ready_for, restarts, age)| Luck { ready_for, restarts, age })
}

/// How many Pods each ReplicaSet has too many at `to` replicas; of two, the first has `share` of them and the second the rest.
pub(in crate::peer) fn surplus(seen: &Snapshot, to: u32, share: u32) -> Vec<(String, u32)> {
    let before = seen.pod_count().max(seen.replicas + seen.max_surge.at(seen.replicas));
    let less = before.saturating_sub(to + seen.max_surge.at(to));
    let shares = match seen.replica_sets.as_slice() {
        [(_, pods)] => [pods.saturating_sub(to), 0],
        _ => [share.min(less), less.saturating_sub(share)],
    };
    seen.replica_sets.iter().zip(shares).map(|((set, _), share)| (set.clone(), share)).collect()
}

/// The cluster after each of these ReplicaSets has lost so many Pods; luck in the order of the Pods.
pub(in crate::peer) fn scaled_down(cluster: &Cluster, luck: &[Luck], leave: &[(String, u32)]) -> Cluster {
    let victims: Vec<&Pod> = leave.iter().flat_map(|(set, leave)| victims(cluster, luck, set, *leave)).collect();
    let left = cluster.pods.iter().filter(|pod| !victims.contains(pod));
    Cluster { pods: left.cloned().collect(), ..cluster.clone() }
}

fn victims<'a>(cluster: &'a Cluster, luck: &[Luck], set: &str, leave: u32) -> Vec<&'a Pod> {
    let mut of_set: Vec<(&Pod, &Luck)> =
        cluster.pods.iter().zip(luck).filter(|(pod, _)| pod.replica_set == set).collect();
    of_set.sort_by_key(|(pod, luck)| {
        let related = cluster.pods.iter().filter(|other| node(other) == node(pod)).count();
        let ready_for = if pod.ready { luck.ready_for } else { 0 };
        let seen = (node(pod).is_some(), pod.running, pod.ready, pod.deletion_cost, Reverse(related));
        (seen, ready_for, Reverse(luck.restarts), luck.age)
    });
    of_set.into_iter().take(leave as usize).map(|(pod, _)| pod).collect()
}

fn node(pod: &Pod) -> Option<&str> {
    match &pod.place {
        Place::Nowhere => None,
        Place::Base(node) | Place::Departed(node) => Some(node),
    }
}

/// A base that had the module in `before` and has it no more in `after`, or has only Pods that are not Ready where it had one
/// that was.
pub(in crate::peer) fn robbed(before: &Cluster, after: &Cluster) -> Option<String> {
    let serving = |cluster: &Cluster| {
        let pods = cluster.pods.iter().filter(|pod| pod.running && pod.ready).cloned().collect();
        Cluster { pods, ..cluster.clone() }
    };
    let lost = |before: &Cluster, after: &Cluster| {
        before.carrying().difference(&after.carrying()).next().map(|base| (*base).to_owned())
    };
    lost(before, after).or_else(|| lost(&serving(before), &serving(after)))
}
