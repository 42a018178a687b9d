//! A small cluster and warden in it, and every order in which things can happen.
//!
//! What ships is called as it is: [`ObservedHistory::observe`](koupleless_warden::peer::ObservedHistory::observe), then
//! [`decide`](koupleless_warden::peer::decide) on a snapshot of caches that lag, each watch by its own time. Around it are the
//! Deployment and ReplicaSet controllers, the scheduler, Pod garbage collection, the node lifecycle controller and
//! ModuleController, each of which may act at any time or not for long. What a plan writes takes its time, too; a process may be
//! killed before any of its writes, or lose the lease while one is on its way.
//!
//! # What is taken for granted
//! - **An install takes longer than a watch lags, a write is on its way and the controller-manager follows it.** When a Pod
//!   turns Ready, the caches of every process of warden and of the ReplicaSet controller show it and its base, and what was
//!   decided on without knowing of it is over. (ModuleController needs seconds for an install.) Without this no client can know which Pods a scale-down takes; see
//!   `runs::slow_watches_do_harm`.
//! - In a rollout an install takes longer than warden needs to follow what has happened, too: to scale up for a base that has
//!   joined, and to mark the Pods of one that is gone. Until then the Deployment controller, which counts Pods that are
//!   available and knows of no bases, takes one Pod too many by itself.
//! - Nor does an install end before a Pod of the new ReplicaSet whose base is gone has been collected, where no replica is
//!   there for it. That is not so: collection takes most of a minute. Then a rollout takes the old Pod of a base before its
//!   new one is Ready, and only more replicas than bases could prevent it. It needs a base that joins and one that leaves with
//!   its new Pod, both in one rollout.
//! - In a rollout warden sees the Pods as they are. The Deployment controller moves replicas
//!   from one ReplicaSet to the other by itself, and what warden writes can depend on the Deployment's resourceVersion only.
//!   Each step changes that, too, by the Deployment's status, and refuses a scale that was decided on before it.
//! - In a rollout no Pod stops being Ready between warden's decision and a deletion that comes of it: warden writes replicas, not
//!   the Pods to delete, and the ReplicaSet controller takes a Pod that is not Ready before a marked one. A Pod that was not Ready
//!   before is protected.
//! - Pods that a rollout has one too many of are deleted before the Deployment controller acts again.
//! - What warden waits for takes longer than watches and writes do, so time passes only when these have caught up.
//! - Where the ReplicaSet controller's cache of Pods does not lag by itself, it sees marks no later than a scale that was written
//!   after them. It may see both late. Where it does, Pods on Nodes that are gone are deleted by warden before Pod garbage
//!   collection comes to it, which waits for 40 s: else two scale-downs within one lag would be possible, the second by a Pod
//!   that was collected.
//! - A base that was away, or of another kind, since its Pod was bound may lose that Pod: warden may have decided on it then.
//! - Every Pod can be labelled, sooner than what warden waits for is over, and sooner than Pod garbage collection acts. Else the Pod
//!   that the ReplicaSet controller makes for a collected one may come to a base beside an unlabelled one. warden then holds, and takes
//!   neither; a person must.
//! - A Pod that is deleted is gone at once. The Deployment's status changes only by `observedGeneration`: fewer conflicts.
//!
//! # What is not gone through
//! Several processes in a rollout, and a ReplicaSet controller whose cache lags in one. In a rollout to fewer bases, one of them that
//! leaves with its new Pod: as long as that Pod is not collected, the Deployment controller counts it, and takes an old one for it.

mod config;
mod kubernetes;
mod rollout;
mod runs;
mod sight;
mod warden;
mod world;

use stateright::{Model, Property};

use config::Config;
use world::{Base, Node, PodId, Saw, Watch, World};

/// Something that can come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// The event of this number.
    Happens(usize),
    /// Time passes until warden reconciles again.
    Waits,
    Reconciles(usize),
    Lands(usize),
    LandsLate(usize),
    IsLost(usize),
    Lists(usize),
    IsTold(usize, Watch),
    /// The Deployment controller, in one of the ways it may.
    Syncs(usize),
    Creates(u8),
    Deletes(PodId),
    Binds(u8, Base),
    TurnsReady(PodId),
    TurnsNotReady(PodId),
    IsCollected(PodId),
    IsLabelled,
    ManagerIsTold,
}

impl Config {
    /// What can come next without an event.
    fn moves(&self, world: &World) -> Vec<Move> {
        let mut moves = Vec::new();
        let deletions = || (0..2).flat_map(|set| kubernetes::next_victims(world, set)).map(Move::Deletes);
        if kubernetes::is_taking(world) {
            return deletions().collect();
        }
        for who in 0..world.wardens.len() {
            moves.extend([Watch::Nodes, Watch::Pods, Watch::Deployment].map(|watch| Move::IsTold(who, watch)));
            moves.extend([Move::Lands(who), Move::LandsLate(who), Move::IsLost(who), Move::Lists(who)]);
        }
        moves.extend((0..rollout::syncs(world).len()).map(Move::Syncs));
        for set in 0..2 {
            moves.push(Move::Creates(set));
            moves.extend((0..).zip(&self.nodes).map(|(base, _)| Move::Binds(set, base)));
        }
        moves.extend(deletions());
        moves.extend([Move::ManagerIsTold, Move::IsLabelled]);
        for pod in world.pods.truth() {
            moves.extend([Move::TurnsReady(pod.id), Move::TurnsNotReady(pod.id), Move::IsCollected(pod.id)]);
        }
        // What takes longest to find out comes last.
        moves.extend((0..world.wardens.len()).map(Move::Reconciles));
        moves.push(Move::Waits);
        moves
    }

    fn after(&self, world: &World, next: Move) -> Option<World> {
        let mut after = self.move_on(world, next)?;
        if !kubernetes::is_scaling_down(&after) {
            after.scaled_with = Saw::default();
        }
        Some(after)
    }

    fn move_on(&self, world: &World, next: Move) -> Option<World> {
        match next {
            Move::Happens(number) => {
                let mut world = kubernetes::happens(self, world, self.events[number])?;
                world.to_come &= !(1 << number);
                Some(world)
            }
            Move::Waits => warden::waits(self, world),
            Move::Reconciles(who) => warden::reconciles(self, world, who),
            Move::Lands(who) => warden::lands(world, who),
            Move::LandsLate(who) => warden::lands_late(world, who, false),
            Move::IsLost(who) => warden::lands_late(world, who, true),
            Move::Lists(who) => warden::lists(self, world, who),
            Move::IsTold(who, watch) => warden::is_told(world, who, watch),
            Move::Syncs(way) => rollout::syncs(world).into_iter().nth(way),
            Move::Creates(set) => kubernetes::creates(world, set),
            Move::Deletes(pod) => kubernetes::deletes(world, pod),
            Move::Binds(set, base) => kubernetes::binds(self, world, set, base),
            Move::TurnsReady(pod) => kubernetes::turns_ready(self, world, world.pod(pod)?),
            Move::TurnsNotReady(pod) => kubernetes::turns_not_ready(world, world.pod(pod)?),
            Move::IsLabelled => warden::labels(world),
            Move::ManagerIsTold => kubernetes::is_told(world),
            Move::IsCollected(pod) => kubernetes::is_collected(self, world, world.pod(pod)?),
        }
    }

    /// Nothing comes any more, unless an event does.
    fn is_at_rest(&self, world: &World) -> bool {
        self.moves(world).into_iter().all(|next| self.after(world, next).is_none())
    }
}

impl Model for Config {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        vec![self.first_world()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Move>) {
        let to_come = (0..self.events.len()).filter(|number| world.to_come & (1 << number) != 0);
        if !kubernetes::is_taking(world) {
            actions.extend(to_come.map(Move::Happens));
        }
        actions.extend(self.moves(world));
    }

    fn next_state(&self, world: &World, next: Move) -> Option<World> {
        self.after(world, next)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.written <= runs::MOST_WRITES && world.written_blindly <= runs::MOST_BLIND_WRITES
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing goes wrong", |_, world: &World| world.wrong.is_none()),
            // Every move but a look that finds nothing makes something later, so no history goes on for ever.
            Property::always("warden comes to rest", |_, world: &World| world.written < runs::MOST_WRITES),
            Property::always("the end is right", |config: &Self, world: &World| {
                !config.is_at_rest(world) || is_right(world)
            }),
            Property::sometimes("there is an end", |config: &Self, world: &World| {
                world.to_come == 0 && config.is_at_rest(world)
            }),
        ]
    }
}

/// As many replicas as bases, and one Pod that is Ready and not marked on each that could get one.
fn is_right(world: &World) -> bool {
    let pods = world.pods.truth();
    let on = |base: Base| pods.iter().filter(move |pod| pod.base == Some(base));
    let bases = || (0..).zip(world.nodes.truth()).filter(|(_, node)| node.is_base());
    let carries = |(base, node): &(Base, &Node)| node.is_ready || on(*base).next().is_some();
    let is_served = |(base, node): (Base, &Node)| {
        let count = on(base).count();
        let is_well = on(base).all(|pod| pod.is_ready && !pod.is_marked);
        if node.is_ready { count == 1 && is_well } else { count <= 1 }
    };
    let counted = bases().filter(carries).count();
    usize::from(world.deployment.truth().replicas) == counted && pods.len() == counted && bases().all(is_served)
}
