//! What there is in the model of a cluster, and how much of it each process has seen.

use std::hash::{Hash, Hasher};

use koupleless_warden::peer::ObservedHistory;

/// The number of a base; its Node keeps it when it goes and comes back.
pub(crate) type Base = u8;
/// The number of a Pod, in the order in which they were made.
pub(crate) type PodId = u8;
/// A set of Pods, as bits.
pub(crate) type Pods = u32;

/// A base and its Node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// The Node exists.
    pub(crate) is_there: bool,
    /// The template fits it.
    pub(crate) matches: bool,
    /// Its condition Ready is True. Where it is not, ModuleController is down and the base serves on.
    pub(crate) is_ready: bool,
}

/// A Pod that is not being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pod {
    pub(crate) id: PodId,
    /// Its ReplicaSet: 0, or 1 for the one that a rollout made.
    pub(crate) set: u8,
    pub(crate) base: Option<Base>,
    pub(crate) is_running: bool,
    pub(crate) is_ready: bool,
    /// Its module has been installed on its base, and serves there whether or not its Pod is still Ready.
    pub(crate) is_installed: bool,
    /// It carries the lowest deletion cost, and warden's mark.
    pub(crate) is_marked: bool,
    /// It bears its identity labels.
    pub(crate) is_labelled: bool,
    /// It has the anti-affinity that keeps it off bases with a labelled Pod of its module and version.
    pub(crate) keeps_off: bool,
}

/// The Deployment, as far as warden reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Deployment {
    pub(crate) resource_version: u8,
    pub(crate) replicas: u8,
    pub(crate) is_observed: bool,
}

/// All versions of a kind of object that some process has not seen yet, oldest first; the last one is the present one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Log<T>(Vec<T>);

/// What a watch of warden is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watch {
    Nodes,
    Pods,
    Deployment,
}

/// A request of warden to the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Write {
    Unmark(PodId),
    Mark(PodId),
    Delete(PodId),
    /// Valid for this resourceVersion of the Deployment only.
    Scale {
        to: u8,
        resource_version: u8,
    },
}

/// What a process of warden knew when it decided on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Saw {
    /// The Pods on bases.
    pub(crate) on_bases: Pods,
    /// The Pods that were not Ready.
    pub(crate) not_ready: Pods,
}

/// A process of warden.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Warden {
    /// It has listed everything since it started.
    pub(crate) is_synced: bool,
    /// How many versions of each kind its watches have not delivered yet.
    pub(crate) lag: [u8; 3],
    pub(crate) history: ObservedHistory,
    /// The writes of one decision; the first one is on its way.
    pub(crate) writes: Vec<Write>,
    /// What it saw when it decided on them.
    pub(crate) saw: Saw,
    /// A write that it no longer waits for, with what it saw then; it may arrive all the same.
    pub(crate) late: Option<(Write, Saw)>,
}

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// In seconds.
    pub(crate) now: u8,
    pub(crate) nodes: Log<Vec<Node>>,
    pub(crate) pods: Log<Vec<Pod>>,
    pub(crate) deployment: Log<Deployment>,
    /// `spec.replicas` of the two ReplicaSets.
    pub(crate) set_replicas: [u8; 2],
    /// How many versions of the Pods the ReplicaSet controller has not seen yet; none where it sees all at once.
    pub(crate) manager_lag: Option<u8>,
    /// The Pods that it has deleted since, which it chose by what it had seen until then.
    pub(crate) manager_took: Pods,
    /// A rollout from the first ReplicaSet to the second has begun.
    pub(crate) is_rolling: bool,
    pub(crate) next_pod: PodId,
    /// Pods whose base was away, or another base for a time, since they were bound, see [`super`].
    pub(crate) excused: Pods,
    /// What was known to all who decided on the scale-downs that the controller-manager follows now.
    pub(crate) scaled_with: Saw,
    pub(crate) wardens: Vec<Warden>,
    /// Who holds the lease.
    pub(crate) leader: usize,
    /// The events that are still to come, as bits.
    pub(crate) to_come: u32,
    /// What warden has written so far, knowing all Nodes.
    pub(crate) written: u8,
    /// What it has written while a watch of Nodes lagged.
    pub(crate) written_blindly: u8,
    /// What went wrong, if something did.
    pub(crate) wrong: Option<Wrong>,
}

/// What must never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wrong {
    /// The ReplicaSet controller took the last Pod of a base that is there and on which it serves.
    LostItsModule(Base),
    /// The replicas went down in a rollout to fewer bases before the new version served on all of them.
    MoveEndedEarly,
    /// More replicas were decided on than there were bases.
    Overshoot,
    /// A write was decided on without the lease, or before all was listed.
    WithoutPreconditions,
    /// Most bases went at once, and something was written before the hold was over.
    MassLossFollowed,
    /// Something was written although all that was gone was back in time.
    WroteForNothing,
}

impl Saw {
    pub(crate) fn and(self, other: Self) -> Self {
        Self { on_bases: self.on_bases & other.on_bases, not_ready: self.not_ready & other.not_ready }
    }
}

impl<T: Clone + PartialEq> Log<T> {
    pub(crate) fn new(first: T) -> Self {
        Self(vec![first])
    }

    /// How it is.
    pub(crate) fn truth(&self) -> &T {
        self.0.last().unwrap()
    }

    /// How it was `lag` versions ago.
    pub(crate) fn seen(&self, lag: u8) -> &T {
        &self.0[self.0.len() - 1 - usize::from(lag)]
    }

    /// All that it was since then.
    pub(crate) fn since(&self, lag: u8) -> &[T] {
        &self.0[self.0.len() - 1 - usize::from(lag)..]
    }

    fn trim(&mut self, oldest: u8) {
        self.0.drain(..self.0.len() - 1 - usize::from(oldest));
    }
}

impl World {
    pub(crate) fn change_nodes(&mut self, change: impl FnOnce(&mut Vec<Node>)) {
        let mut next = self.nodes.truth().clone();
        change(&mut next);
        self.nodes.0.push(next);
        self.fall_behind(Watch::Nodes);
    }

    pub(crate) fn change_pods(&mut self, change: impl FnOnce(&mut Vec<Pod>)) {
        let mut next = self.pods.truth().clone();
        change(&mut next);
        self.pods.0.push(next);
        self.manager_lag = self.manager_lag.map(|lag| lag + 1);
        self.fall_behind(Watch::Pods);
    }

    pub(crate) fn change_pod(&mut self, id: PodId, change: impl FnMut(&mut Pod)) {
        self.change_pods(|pods| pods.iter_mut().find(|pod| pod.id == id).into_iter().for_each(change));
    }

    pub(crate) fn change_deployment(&mut self, change: impl FnOnce(&mut Deployment)) {
        let mut next = *self.deployment.truth();
        next.resource_version += 1;
        change(&mut next);
        self.deployment.0.push(next);
        self.fall_behind(Watch::Deployment);
    }

    fn fall_behind(&mut self, watch: Watch) {
        // Taken for granted, see the model's documentation.
        let is_told_at_once = self.is_rolling && watch == Watch::Pods;
        for warden in self.wardens.iter_mut().filter(|warden| warden.is_synced) {
            let lag = &mut warden.lag[watch as usize];
            *lag = if is_told_at_once { 0 } else { *lag + 1 };
        }
        self.trim();
    }

    /// Forgets the versions that all have seen.
    pub(crate) fn trim(&mut self) {
        let oldest = |watch: Watch| self.wardens.iter().map(|warden| warden.lag[watch as usize]).max().unwrap_or(0);
        let [nodes, pods, deployment] = [Watch::Nodes, Watch::Pods, Watch::Deployment].map(oldest);
        self.nodes.trim(nodes);
        self.pods.trim(pods.max(self.manager_lag.unwrap_or(0)));
        self.deployment.trim(deployment);
    }

    pub(crate) fn pod(&self, id: PodId) -> Option<&Pod> {
        self.pods.truth().iter().find(|pod| pod.id == id)
    }

    /// Whether a base is there and one of the Deployment's.
    pub(crate) fn is_base(&self, base: Base) -> bool {
        self.nodes.truth()[usize::from(base)].is_base()
    }

    /// The Pods of a ReplicaSet as its controller knows them.
    pub(crate) fn known_of_set(&self, set: u8) -> impl Iterator<Item = &Pod> {
        let known = self.pods.seen(self.manager_lag.unwrap_or(0)).iter();
        known.filter(move |pod| pod.set == set && self.manager_took & (1 << pod.id) == 0)
    }

    /// The ReplicaSet controller has written, and does nothing more before it has seen that, and so all that was before.
    pub(crate) fn manager_catches_up(&mut self) {
        (self.manager_lag, self.manager_took) = (self.manager_lag.map(|_| 0), 0);
        self.trim();
    }

    /// The Pods of a ReplicaSet.
    pub(crate) fn of_set(&self, set: u8) -> impl Iterator<Item = &Pod> {
        self.pods.truth().iter().filter(move |pod| pod.set == set)
    }
}

impl Pod {
    /// One that was not started yet, as the Pod webhook has completed it.
    pub(crate) fn new(id: PodId, set: u8, base: Option<Base>) -> Self {
        Self {
            id,
            set,
            base,
            is_running: false,
            is_ready: false,
            is_installed: false,
            is_marked: false,
            is_labelled: true,
            keeps_off: true,
        }
    }
}

// Millions of these are hashed: each as one number.

impl Hash for Pod {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let is = [self.is_running, self.is_ready, self.is_installed, self.is_marked];
        let flags = is.into_iter().chain([self.is_labelled, self.keeps_off]).map(u8::from);
        let flags = flags.fold(0, |flags, flag| flags << 1 | flag);
        state.write_u32(u32::from_le_bytes([self.id, self.set, self.base.map_or(0, |base| base + 1), flags]));
    }
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(u8::from(self.is_there) << 2 | u8::from(self.matches) << 1 | u8::from(self.is_ready));
    }
}

impl Node {
    pub(crate) fn is_base(self) -> bool {
        self.is_there && self.matches
    }
}
