//! Which world is looked at: what is there in the beginning, and what may come.

use koupleless_warden::peer::{Moment, Settings};

use super::world::{Base, Log, Node, Pod, Warden, World};

/// A world to go through.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// In the beginning each base that is there and matches carries a Pod that is Ready.
    pub(crate) nodes: Vec<Node>,
    /// Each may happen once, at any time, in any order.
    pub(crate) events: Vec<Event>,
    /// How many processes of warden there are.
    pub(crate) wardens: usize,
    /// One tick is a second.
    pub(crate) settings: Settings,
    /// How many ticks pass, at any time.
    pub(crate) ticks: u8,
    /// The fewest replicas that warden may decide on before that tick.
    pub(crate) held: Option<(u8, u8)>,
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
    /// A process of warden gives up on a scale that is on its way.
    GivesUp(usize),
    /// Another process of warden gets the lease.
    Leads(usize),
    /// The template changes.
    RollsOut,
}

/// A known mistake, to see that the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flaw {
    /// Instead of marking Pods it scales at once.
    SkipsMarks,
    /// It does not ask whom a scale-down would hit.
    IgnoresEndangered,
    /// It goes on before it has seen its own write.
    ForgetsItsWrite,
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
            settings: Settings { window: Moment::ZERO, loss_window: Moment::ZERO, loss_hold: Moment::ZERO },
            ticks: 0,
            held: None,
            flaw: None,
        }
    }

    pub(crate) fn events(self, events: &[Event]) -> Self {
        Self { events: events.to_vec(), ..self }
    }

    pub(crate) fn wardens(self, wardens: usize) -> Self {
        Self { wardens, ..self }
    }

    /// So many ticks pass, and what warden waits for takes one. Within a tick all watches deliver and all writes arrive.
    pub(crate) fn ticks(self, ticks: u8) -> Self {
        let settings = Settings { window: Moment::from_secs(1), ..self.settings };
        Self { ticks, settings, ..self }
    }

    pub(crate) fn flaw(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    pub(super) fn first_world(&self) -> World {
        let bases = (0..).zip(&self.nodes).filter(|(_, node)| node.is_base());
        let ready =
            |(id, (base, _))| Pod { id, set: 0, base: Some(base), is_running: true, is_ready: true, is_marked: false };
        let pods: Vec<Pod> = (0..).zip(bases).map(ready).collect();
        let replicas = u8::try_from(pods.len()).unwrap();
        let warden = Warden { is_synced: true, ..Warden::started() };
        World {
            now: 0,
            nodes: Log::new(self.nodes.clone()),
            pods: Log::new(pods),
            deployment: Log::new(super::world::Deployment { resource_version: 1, replicas, is_observed: true }),
            set_replicas: [replicas, 0],
            is_rolling: false,
            next_pod: replicas,
            excused: 0,
            scaled_with: 0,
            wardens: vec![warden; self.wardens],
            leader: 0,
            to_come: (1 << self.events.len()) - 1,
            written: 0,
            written_blindly: 0,
            wrong: None,
        }
    }
}
