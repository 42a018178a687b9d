//! A small cluster for tests: all that is there, and the snapshot that the cache shows of it.

pub(super) mod random;
pub(super) mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Elapsed, ObservedHistory, PeerState, Plan, Settings, WritePreconditions, decide};
use crate::cluster::WorkloadSize;
use crate::module::MaxSurge;
use crate::peer::{Place, Pod, Snapshot, Source};

/// Two seconds between writes, and before a departure is followed; losses count for a minute and are held for five.
pub(super) const SETTINGS: Settings = Settings {
    window: Duration::from_secs(2),
    departure: Duration::from_secs(2),
    loss_window: Duration::from_secs(60),
    loss_hold: Duration::from_secs(300),
};

/// All watches have delivered, and the lease is held.
pub(super) const LEADING: WritePreconditions = WritePreconditions { synced: true, leader: true };

pub(super) fn at(seconds: u64) -> Elapsed {
    Elapsed::from_secs(seconds)
}

/// A peer Deployment, all of its Pods and its bases.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) replicas: u32,
    /// How many bases count that carry none of its Pods.
    pub(super) empty: u32,
    pub(super) max_surge: MaxSurge,
    pub(super) pods: Vec<Pod>,
}

/// A base that counts.
pub(super) fn base(number: u32) -> Place {
    Place::Base(format!("base-{number}"))
}

/// A node that does not count (any more).
pub(super) fn departed(number: u32) -> Place {
    Place::Departed(format!("base-{number}"))
}

/// A Pod that is Running and Ready.
pub(super) fn pod(number: u32, place: Place) -> Pod {
    Pod {
        name: format!("pod-{number}"),
        uid: format!("uid-{number}"),
        replica_set: "set-0".to_owned(),
        place,
        running: true,
        ready: true,
        deletion_cost: 0,
        marked: false,
    }
}

/// A Pod that is on no node yet.
pub(super) fn waiting(number: u32) -> Pod {
    Pod { running: false, ready: false, ..pod(number, Place::Nowhere) }
}

/// The same Pod as warden marks it.
pub(super) fn marked(pod: Pod) -> Pod {
    Pod { marked: true, deletion_cost: i32::MIN, ..pod }
}

impl Cluster {
    /// So many bases, each with a Pod that is well, and nothing else.
    pub(super) fn of(bases: u32) -> Self {
        let pods = (0..bases).map(|number| pod(number, base(number))).collect();
        Self { replicas: bases, empty: 0, max_surge: MaxSurge::Pods(1), pods }
    }

    /// Bases without a Pod come.
    pub(super) fn join(self, bases: u32) -> Self {
        Self { empty: self.empty + bases, ..self }
    }

    /// The first `bases` bases go, and leave their Pods behind.
    pub(super) fn depart(mut self, bases: u32) -> Self {
        for number in 0..bases {
            self.pods[number as usize].place = departed(number);
        }
        self
    }

    /// The Pods on departed bases get their marks.
    pub(super) fn mark(mut self) -> Self {
        for pod in self.pods.iter_mut().filter(|pod| pod.departed_from().is_some()) {
            *pod = marked(pod.clone());
        }
        self
    }

    /// The first `bases` bases go, and their Pods with them; others are made, and wait.
    pub(super) fn renew(mut self, bases: u32) -> Self {
        for number in 0..bases {
            self.pods[number as usize] = waiting(number);
        }
        self
    }

    /// A Pod stops being Ready.
    pub(super) fn fail(mut self, number: usize) -> Self {
        self.pods[number].ready = false;
        self
    }

    /// A Pod is of another ReplicaSet than the others.
    pub(super) fn roll(mut self, number: usize) -> Self {
        self.pods[number].replica_set = "set-1".to_owned();
        self
    }

    /// The first `bases` bases are there (again).
    pub(super) fn come_back(mut self, bases: u32) -> Self {
        for number in 0..bases {
            self.pods[number as usize].place = base(number);
        }
        self
    }

    /// The bases that count and carry at least one Pod.
    pub(super) fn carrying<'a>(&'a self) -> BTreeSet<&'a str> {
        let base = |pod: &'a Pod| match &pod.place {
            Place::Base(node) => Some(node.as_str()),
            Place::Nowhere | Place::Departed(_) => None,
        };
        self.pods.iter().filter_map(base).collect()
    }

    /// What the inventory shows of it.
    pub(super) fn snapshot(&self) -> Snapshot {
        let carried = u32::try_from(self.carrying().len()).unwrap();
        let mut replica_sets = BTreeMap::new();
        for pod in &self.pods {
            *replica_sets.entry(pod.replica_set.clone()).or_insert(0) += 1;
        }
        let shows_all = replica_sets.len() > 1;
        Snapshot {
            uid: "the-deployment".to_owned(),
            resource_version: "1".to_owned(),
            replicas: self.replicas,
            max_surge: self.max_surge,
            observed: true,
            rolled_out: true,
            pinned: false,
            unmanaged: None,
            state: None,
            source: Source::Bases { count: carried + self.empty, shared_hosts: Vec::new() },
            pods: self.pods.iter().filter(|pod| shows_all || !pod.is_healthy()).cloned().collect(),
            replica_sets: replica_sets.into_iter().collect(),
            carried,
            unfit: 0,
            not_kept_apart: 0,
        }
    }
}

/// The leading controller as far as it decides, without the writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Leader {
    pub(super) history: ObservedHistory,
}

impl Leader {
    /// Observes this and decides.
    pub(super) fn decides(&mut self, seen: &Snapshot, now: Elapsed) -> Plan {
        self.history.observe(seen, &SETTINGS, now);
        decide(seen, &self.history, LEADING, &SETTINGS, now)
    }
}

/// What warden wrote when it settled on so many replicas.
pub(super) fn settled(replicas: u32) -> PeerState {
    PeerState { settled: Some(replicas), ..PeerState::default() }
}

/// The ready replicas of a workload that should have `desired`; none where there is no such workload.
pub(super) fn followed(desired: u32, ready: Option<u32>) -> Source {
    let size = ready.map(|ready| WorkloadSize { desired, ready });
    Source::Followed { workload: "StatefulSet/base".to_owned(), size }
}
