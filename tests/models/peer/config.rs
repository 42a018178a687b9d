//! The worlds: what is there in the beginning, and what may happen.

use koupleless_warden::peer::{Elapsed, Settings};

use super::world::{Base, Log, Node, Pod, Saw, Warden, World};

/// A world to go through.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// In the beginning each base that is there and matches carries a Pod that is Ready.
    pub(crate) nodes: Vec<Node>,
    /// Each may happen once, at any time, in any order.
    pub(crate) events: Vec<Event>,
    /// How many processes of warden there are.
    pub(crate) wardens: usize,
    pub(crate) settings: Settings,
    /// The ReplicaSet controller's cache of Pods lags, too.
    pub(crate) manager_lags: bool,
    /// Before that second nothing may be written.
    pub(crate) held: u8,
    /// The Pods of the beginning are from before warden: without labels, and without anti-affinity.
    pub(crate) is_unlabelled: bool,
    /// What is wrong with this warden, or with this world.
    pub(crate) flaw: Option<Flaw>,
}

/// What happens to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// The Node is made.
    Joins(Base),
    /// The Node is deleted.
    Leaves(Base),
    /// The Nodes of so many bases, from the first one on, are deleted one right after the other.
    MostLeave(u8),
    /// All Nodes that are not there are made again, one right after the other, while that is still held.
    AllAreBack,
    /// The Node's labels become those of another kind of base.
    TurnsAway(Base),
    /// They become the right ones.
    TurnsBack(Base),
    /// ModuleController no longer renews the Node.
    TurnsNotReady(Base),
    /// It does again.
    TurnsReady(Base),
    /// A process of warden is killed, and started again.
    Crashes(usize),
    /// A process of warden gives up on a write that is on its way.
    GivesUp(usize),
    /// Another process of warden gets the lease.
    Leads(usize),
    /// The template changes.
    RollsOut,
    /// The template changes, and is for the other nodes from then on: those that it did not fit.
    MovesAway,
    /// The template changes, and no longer fits this base.
    Narrows(Base),
    /// The Deployment's owner writes it as it wants it; the webhook puts the number of replicas back.
    OwnerWrites,
}

/// A known mistake, to see that the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flaw {
    /// Instead of marking Pods it scales at once.
    SkipsMarks,
    /// Instead of deleting Pods it scales as soon as they are marked.
    ReliesOnMarks,
    /// It deletes Pods although there is one too many.
    IgnoresSurplus,
    /// It does not ask which base a scale-down puts at risk.
    IgnoresRisk,
    /// It does not ask whether Pods lack their labels.
    IgnoresUnlabelled,
    /// In a rollout to fewer bases it scales down before the new version serves on them.
    EndsMovesEarly,
    /// A Pod can be installed before its creation has been seen by a watch.
    SlowWatches,
}

pub(crate) const READY: Node = Node { is_there: true, matches: true, is_ready: true };
pub(crate) const ABSENT: Node = Node { is_there: false, matches: true, is_ready: true };
pub(crate) const ANOTHER: Node = Node { is_there: true, matches: false, is_ready: true };

impl Config {
    /// One process, no waiting, nothing that happens yet.
    pub(crate) fn new(nodes: &[Node]) -> Self {
        Self {
            nodes: nodes.to_vec(),
            events: Vec::new(),
            wardens: 1,
            settings: Settings {
                window: Elapsed::ZERO,
                departure: Elapsed::ZERO,
                loss_window: Elapsed::ZERO,
                loss_hold: Elapsed::ZERO,
            },
            manager_lags: false,
            held: 0,
            is_unlabelled: false,
            flaw: None,
        }
    }

    pub(crate) fn events(self, events: &[Event]) -> Self {
        Self { events: events.to_vec(), ..self }
    }

    pub(crate) fn wardens(self, wardens: usize) -> Self {
        Self { wardens, ..self }
    }

    /// What warden waits for takes a second, in which all watches deliver and all writes arrive.
    pub(crate) fn waits(self) -> Self {
        let settings = Settings { window: Elapsed::from_secs(1), departure: Elapsed::from_secs(1), ..self.settings };
        Self { settings, ..self }
    }

    /// A mass loss is held for so many seconds. It must come first of all that warden has to do something about.
    pub(crate) fn holds_losses(self, held: u8) -> Self {
        let loss_hold = Elapsed::from_secs(held.into());
        let settings = Settings { loss_window: Elapsed::from_secs(1), loss_hold, ..self.settings };
        Self { settings, held, ..self }
    }

    /// The ReplicaSet controller may see Pods, and what is done to them, as late as warden does.
    pub(crate) fn manager_lags(self) -> Self {
        Self { manager_lags: true, ..self }
    }

    /// The Deployment was made before warden was there.
    pub(crate) fn unlabelled(self) -> Self {
        Self { is_unlabelled: true, ..self }
    }

    pub(crate) fn flaw(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The bases that are there and match in the beginning.
    pub(crate) fn first_bases(&self) -> impl Iterator<Item = Base> {
        (0..).zip(&self.nodes).filter(|(_, node)| node.is_base()).map(|(base, _)| base)
    }

    /// Whether some of what can differ does not, as there are too many histories else: Pods on Nodes that are gone are
    /// collected in one go, and who is bound next comes to the first base that is free.
    pub(crate) fn is_coarse(&self) -> bool {
        self.held > 0 || self.events.len() > 2 && self.events.contains(&Event::RollsOut)
    }

    /// Whether a process may still get the lease.
    pub(crate) fn may_lead(&self, world: &World, who: usize) -> bool {
        self.is_to_come(world, Event::Leads(who))
    }

    /// Whether the template is for other nodes than in the beginning.
    pub(crate) fn has_moved(&self, world: &World) -> bool {
        let moves = |event: &&Event| matches!(event, Event::MovesAway | Event::Narrows(_));
        self.events.iter().find(moves).is_some_and(|event| !self.is_to_come(world, *event))
    }

    /// Whether all that was gone has come back before warden was to follow its loss.
    pub(crate) fn are_all_back(&self, world: &World) -> bool {
        self.events.contains(&Event::AllAreBack) && !self.is_to_come(world, Event::AllAreBack)
    }

    fn is_to_come(&self, world: &World, event: Event) -> bool {
        (0..).zip(&self.events).any(|(number, other)| *other == event && world.to_come & (1 << number) != 0)
    }

    pub(super) fn first_world(&self) -> World {
        let ready = |(id, base)| Pod {
            is_running: true,
            is_ready: true,
            is_installed: true,
            is_labelled: !self.is_unlabelled,
            keeps_off: !self.is_unlabelled,
            ..Pod::new(id, 0, Some(base))
        };
        let pods: Vec<Pod> = (0..).zip(self.first_bases()).map(ready).collect();
        let replicas = u8::try_from(pods.len()).unwrap();
        let warden = Warden { is_synced: true, ..Warden::started() };
        World {
            now: 0,
            nodes: Log::new(self.nodes.clone()),
            pods: Log::new(pods),
            deployment: Log::new(super::world::Deployment { resource_version: 1, replicas, is_observed: true }),
            set_replicas: [replicas, 0],
            manager_lag: self.manager_lags.then_some(0),
            manager_took: 0,
            is_rolling: false,
            next_pod: replicas,
            excused: 0,
            scaled_with: Saw::default(),
            wardens: vec![warden; self.wardens],
            leader: 0,
            to_come: (1 << self.events.len()) - 1,
            written: 0,
            written_blindly: 0,
            wrong: None,
        }
    }
}
