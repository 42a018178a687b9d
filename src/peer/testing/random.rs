//! Clusters, snapshots and observed histories, at random.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Cluster, SETTINGS, base, departed, followed, pod, settled};
use crate::module::MaxSurge;
use crate::module::UnmanagedReason;
use crate::peer::{Elapsed, ObservedHistory, WritePreconditions};
use crate::peer::{Place, Pod, Snapshot};

/// How many nodes there are, with those that departed.
const NODES: u32 = 6;
const PODS: usize = 8;

/// The state of a Pod: mostly what is usual where it is.
#[derive(Debug, Clone)]
struct PodState {
    node: Option<u32>,
    set: u8,
    is_as_usual: bool,
    running: bool,
    ready: bool,
    deletion_cost: i32,
    marked: bool,
}

fn pod_state() -> impl Strategy<Value = PodState> {
    let node = option::weighted(0.9, 0..NODES);
    let cost = select(vec![i32::MIN, -1, 0, 1]);
    let usual = prop::bool::weighted(0.8);
    (node, 0..2_u8, usual, any::<bool>(), any::<bool>(), cost, any::<bool>()).prop_map(
        |(node, set, is_as_usual, running, ready, deletion_cost, marked)| PodState {
            node,
            set,
            is_as_usual,
            running,
            ready: ready && running,
            deletion_cost,
            marked,
        },
    )
}

impl PodState {
    fn pod(&self, number: u32, counts: &[bool], is_rolling: bool) -> Pod {
        let counts = |node: &u32| counts.get(*node as usize).copied().unwrap_or_default();
        let place = match self.node {
            None => Place::Nowhere,
            Some(node) if counts(&node) => base(node),
            Some(node) => departed(node),
        };
        let well = pod(number, place);
        let usual = match well.place {
            Place::Nowhere => Pod { running: false, ready: false, ..well },
            Place::Base(_) => well,
            Place::Departed(_) => super::marked(well),
        };
        let replica_set = format!("set-{}", if is_rolling { self.set } else { 0 });
        if self.is_as_usual {
            return Pod { replica_set, ..usual };
        }
        let &Self { running, ready, deletion_cost, marked, .. } = self;
        Pod { replica_set, running, ready, deletion_cost, marked, ..usual }
    }
}

/// A cluster in any state, also one between two steps of its controllers.
pub(in crate::peer) fn cluster() -> impl Strategy<Value = Cluster> {
    let counts = vec(prop::bool::weighted(0.7), NODES as usize);
    let replicas = prop_oneof![4 => Just(0), 1 => -2..3_i32];
    let max_surge = prop_oneof![(0..4_u32).prop_map(MaxSurge::Pods), (0..130_u32).prop_map(MaxSurge::Percent)];
    (vec(pod_state(), 0..=PODS), counts, prop::bool::weighted(0.3), replicas, max_surge).prop_map(
        |(pods, counts, is_rolling, more, max_surge)| {
            let pods: Vec<Pod> =
                (0..).zip(&pods).map(|(number, state)| state.pod(number, &counts, is_rolling)).collect();
            let replicas = u32::try_from(pods.len()).unwrap().saturating_add_signed(more);
            let mut cluster = Cluster { replicas, empty: 0, max_surge, pods };
            let bases = counts.iter().filter(|counts| **counts).count();
            cluster.empty = u32::try_from(bases - cluster.carrying().len()).unwrap();
            cluster
        },
    )
}

fn unmanaged() -> impl Strategy<Value = UnmanagedReason> {
    select(vec![
        UnmanagedReason::ReplicasControl,
        UnmanagedReason::Paused,
        UnmanagedReason::NotInjected,
        UnmanagedReason::NoModule,
    ])
}

/// What a cluster shows, and what there is beside its Pods: mostly nothing that keeps warden from writing.
pub(in crate::peer) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let workload = (0..8_u32, option::weighted(0.8, 0..8_u32)).prop_map(|(desired, ready)| followed(desired, ready));
    let workload = option::weighted(0.15, workload);
    let resource_version =
        prop_oneof![3 => Just("9".to_owned()), 1 => (0..20_u8).prop_map(|number| number.to_string())];
    let state = option::of((0..9_u32).prop_map(settled));
    let not_kept_apart = prop_oneof![4 => Just(0), 1 => 1..3_u32];
    let beside =
        (option::weighted(0.05, unmanaged()), prop::bool::weighted(0.9), resource_version, state, not_kept_apart);
    (cluster(), workload, beside).prop_map(|(cluster, workload, beside)| {
        let (unmanaged, observed, resource_version, state, not_kept_apart) = beside;
        let shown = cluster.snapshot();
        let source = workload.unwrap_or_else(|| shown.source.clone());
        Snapshot { unmanaged, observed, resource_version, state, source, not_kept_apart, ..shown }
    })
}

/// What a process has observed by some time, and that time.
pub(in crate::peer) fn history() -> impl Strategy<Value = (ObservedHistory, Elapsed)> {
    let scaled = option::weighted(0.3, (0..12_u8).prop_map(|number| number.to_string()));
    let gap = prop_oneof![(0..4_u64), Just(59), Just(61), Just(301)];
    vec((snapshot(), gap, scaled), 0..5).prop_map(|snapshots| {
        let (mut history, mut now) = (ObservedHistory::default(), Elapsed::ZERO);
        for (seen, gap, scaled) in snapshots {
            now += Elapsed::from_secs(gap);
            history.observe(&seen, &SETTINGS, now);
            if let Some(scaled) = scaled {
                history.record_scale(scaled, now);
            }
        }
        (history, now)
    })
}

/// Mostly those that let warden write.
pub(in crate::peer) fn preconditions() -> impl Strategy<Value = WritePreconditions> {
    let mostly = prop::bool::weighted(0.8);
    (mostly, mostly).prop_map(|(synced, leader)| WritePreconditions { synced, leader })
}
