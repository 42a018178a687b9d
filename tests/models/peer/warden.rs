//! The processes of warden: caches that lag, the functions that ship, writes that take time.

use koupleless_warden::peer::{Elapsed, Hold, ObservedHistory, Plan, ScaleDecision, WritePreconditions, decide};
use koupleless_warden::peer::{Pod as SeenPod, Snapshot};

use super::config::{Config, Flaw};
use super::kubernetes::is_scaling_down;
use super::sight;
use super::world::{Pod, PodId, Saw, Warden, Watch, World, Write, Wrong};

fn number(pod: &SeenPod) -> PodId {
    pod.uid.parse().unwrap()
}

/// What a process plans by what its caches show, and its history after that.
fn plans(config: &Config, world: &World, who: usize) -> (Plan, ObservedHistory, Snapshot) {
    let warden = &world.wardens[who];
    let mut seen = sight::snapshot(config, world, warden);
    if config.has(Flaw::IgnoresUnlabelled) {
        seen.not_kept_apart = 0;
    }
    let now = Elapsed::from_secs(world.now.into());
    let preconditions = WritePreconditions { synced: warden.is_synced, leader: world.leader == who };
    let mut history = warden.history.clone();
    if preconditions.synced && preconditions.leader {
        history.observe(&seen, &config.settings, now);
    }
    let plan = flawed(config, &seen, decide(&seen, &history, preconditions, &config.settings, now));
    (plan, history, seen)
}

/// A process reconciles: it decides by what its caches show, and sends the first write. None where nothing changes by it.
pub(crate) fn reconciles(config: &Config, world: &World, who: usize) -> Option<World> {
    let warden = &world.wardens[who];
    if !warden.writes.is_empty() {
        return None;
    }
    let (plan, history, seen) = plans(config, world, who);
    let mut writes: Vec<Write> = plan.unmark.iter().map(number).map(Write::Unmark).collect();
    writes.extend(plan.mark.iter().map(number).map(Write::Mark));
    writes.extend(plan.delete.iter().map(number).map(Write::Delete));
    let mut wrong = world.wrong;
    if let ScaleDecision::Scale { to } = plan.scale {
        let to = u8::try_from(to).unwrap();
        writes.push(Write::Scale { to, resource_version: seen.resource_version.parse().unwrap() });
        let bases = world.nodes.seen(warden.lag[Watch::Nodes as usize]).iter().filter(|node| node.is_base()).count();
        // A rollout to fewer bases goes down step by step.
        if usize::from(to) > bases && u32::from(to) > seen.replicas {
            wrong = Some(Wrong::Overshoot);
        }
        if config.has_moved(world) && u32::from(to) < seen.replicas && !new_version_serves(world) {
            wrong = Some(Wrong::MoveEndedEarly);
        }
    }
    if writes.is_empty() && history == warden.history {
        return None;
    }
    if !writes.is_empty() {
        let may_write = warden.is_synced && world.leader == who;
        let rules = [
            (!may_write, Wrong::WithoutPreconditions),
            (world.now < config.held, Wrong::MassLossFollowed),
            (config.are_all_back(world), Wrong::WroteForNothing),
        ];
        wrong = wrong.or(rules.into_iter().find_map(|(is_broken, wrong)| is_broken.then_some(wrong)));
    }
    let saw = if writes.is_empty() { Saw::default() } else { sight::saw(world, warden) };
    let mut next = world.clone();
    next.wrong = wrong;
    let warden = &mut next.wardens[who];
    *warden = Warden { saw, writes, history, ..warden.clone() };
    Some(next)
}

/// Whether a Pod that is Ready is on every base that is there. In a rollout each process sees the Pods as they are.
fn new_version_serves(world: &World) -> bool {
    let is_served = |base| world.pods.truth().iter().any(|pod| pod.base == Some(base) && pod.is_ready);
    (0..).zip(world.nodes.truth()).filter(|(_, node)| node.is_base()).all(|(base, _)| is_served(base))
}

/// The controller of identity labels labels a Pod.
pub(crate) fn labels(world: &World) -> Option<World> {
    let pod = world.pods.truth().iter().find(|pod| !pod.is_labelled)?.id;
    let mut next = world.clone();
    next.change_pod(pod, |pod| pod.is_labelled = true);
    Some(next)
}

/// Every process sees which nodes the new template is for, with the Deployment.
pub(crate) fn sees_the_move(world: &mut World) {
    for warden in &mut world.wardens {
        (warden.lag[Watch::Nodes as usize], warden.lag[Watch::Deployment as usize]) = (0, 0);
    }
    world.trim();
}

/// Time passes until a process reconciles again by itself. All others have nothing under way: whatever warden waits for takes
/// longer than watches and writes do.
pub(crate) fn waits(config: &Config, world: &World) -> Option<World> {
    let is_up_to_date = |warden: &Warden| warden.lag == [0; 3] && warden.writes.is_empty() && warden.late.is_none();
    let leader = &world.wardens[world.leader];
    let is_labelled = world.pods.truth().iter().all(|pod| pod.is_labelled);
    if !leader.is_synced || !is_labelled || !world.wardens.iter().all(is_up_to_date) {
        return None;
    }
    let (plan, history, _) = plans(config, world, world.leader);
    match plan.scale {
        ScaleDecision::Hold { until: Some(until), .. } if history == leader.history => {
            Some(World { now: u8::try_from(until.as_secs()).unwrap(), ..world.clone() })
        }
        _ => None,
    }
}

/// What a warden with a known mistake makes of a plan.
fn flawed(config: &Config, seen: &Snapshot, mut plan: Plan) -> Plan {
    let wanted = seen.source.wanted().unwrap();
    if config.has(Flaw::IgnoresSurplus) && matches!(plan.scale, ScaleDecision::Hold { reason: Hold::PodsToGo, .. }) {
        plan.delete = seen.pods_on_departed_bases().cloned().collect();
    }
    if config.has(Flaw::EndsMovesEarly)
        && seen.is_rolling()
        && matches!(plan.scale, ScaleDecision::Hold { reason: Hold::PodsToGo, .. })
    {
        plan.scale = ScaleDecision::Scale { to: seen.replicas.saturating_sub(1) };
    }
    let is_skipped = match &plan.scale {
        ScaleDecision::Hold { reason: Hold::MarksUnseen, .. } => config.has(Flaw::SkipsMarks),
        ScaleDecision::Hold { reason: Hold::PodsToGo, .. } => config.has(Flaw::ReliesOnMarks),
        ScaleDecision::Hold { reason: Hold::BaseAtRisk(_), .. } => config.has(Flaw::IgnoresRisk),
        _ => false,
    };
    if is_skipped {
        (plan.mark, plan.delete) = (Vec::new(), Vec::new());
        plan.scale = ScaleDecision::Scale { to: wanted };
    }
    plan
}

/// The write that is on its way arrives.
pub(crate) fn lands(world: &World, who: usize) -> Option<World> {
    let write = *world.wardens[who].writes.first()?;
    let mut next = world.clone();
    next.wardens[who].writes.remove(0);
    if next.wardens[who].writes.is_empty() {
        next.wardens[who].saw = Saw::default();
    }
    let made = arrives(&mut next, write, world.wardens[who].saw);
    if next.written > world.written && world.wardens[who].lag[Watch::Nodes as usize] > 0 {
        next.written = world.written;
        next.written_blindly += 1;
    }
    if let Some(made) = made {
        next.wardens[who].history.record_scale(made.to_string(), Elapsed::from_secs(world.now.into()));
    }
    Some(next)
}

/// The API server does what it is told. Gives the resourceVersion that a scale made.
fn arrives(world: &mut World, write: Write, saw: Saw) -> Option<u8> {
    match write {
        Write::Unmark(id) | Write::Mark(id) => {
            let is_marked = matches!(write, Write::Mark(_));
            if world.pod(id).is_some_and(|pod| pod.is_marked != is_marked) {
                world.change_pod(id, |pod| pod.is_marked = is_marked);
                world.written += 1;
            }
            None
        }
        Write::Delete(id) => {
            // The API server is asked about the Node first, which may be another one than the cache shows.
            let is_away = |pod: &Pod| pod.base.is_some_and(|base| !world.is_base(base));
            if world.pod(id).is_some_and(is_away) {
                world.change_pods(|pods| pods.retain(|pod| pod.id != id));
                world.written += 1;
            }
            None
        }
        Write::Scale { to, resource_version } => {
            let deployment = world.deployment.truth();
            if deployment.resource_version != resource_version || deployment.replicas == to {
                return None;
            }
            if to < deployment.replicas {
                let before = if is_scaling_down(world) { world.scaled_with } else { saw };
                world.scaled_with = before.and(saw);
            }
            world.change_deployment(|deployment| {
                deployment.replicas = to;
                deployment.is_observed = false;
            });
            world.written += 1;
            Some(world.deployment.truth().resource_version)
        }
    }
}

/// A watch delivers the next version.
pub(crate) fn is_told(world: &World, who: usize, watch: Watch) -> Option<World> {
    let lag = world.wardens[who].lag[watch as usize].checked_sub(1)?;
    let mut next = world.clone();
    next.wardens[who].lag[watch as usize] = lag;
    next.trim();
    Some(next)
}

/// A process that was started lists everything. One that will never lead is not looked at further.
pub(crate) fn lists(config: &Config, world: &World, who: usize) -> Option<World> {
    if world.wardens[who].is_synced || !(world.leader == who || config.may_lead(world, who)) {
        return None;
    }
    let mut next = world.clone();
    next.wardens[who].is_synced = true;
    Some(next)
}

/// A process is killed: what it knew is lost, and what it had not sent.
pub(crate) fn crashes(world: &mut World, who: usize) {
    gives_up(world, who);
    world.wardens[who] = Warden { late: world.wardens[who].late, ..Warden::started() };
    world.trim();
}

/// A process no longer waits for the write that is on its way, and sends no more writes of that decision.
pub(crate) fn gives_up(world: &mut World, who: usize) {
    let warden = &mut world.wardens[who];
    let late = warden.writes.first().map(|write| (*write, warden.saw));
    *warden = Warden { late: late.or(warden.late), writes: Vec::new(), saw: Saw::default(), ..warden.clone() };
}

/// A process gets the lease. The last leader drops its work, and begins anew when it gets the lease again.
pub(crate) fn leads(config: &Config, world: &mut World, who: usize) {
    let before = std::mem::replace(&mut world.leader, who);
    if config.may_lead(world, before) {
        gives_up(world, before);
        world.wardens[before].history = ObservedHistory::default();
    } else {
        crashes(world, before);
    }
}

/// A write that a process gave up on arrives all the same, or is lost.
pub(crate) fn lands_late(world: &World, who: usize, is_lost: bool) -> Option<World> {
    let (write, saw) = world.wardens[who].late?;
    let mut next = world.clone();
    next.wardens[who].late = None;
    if !is_lost {
        arrives(&mut next, write, saw);
    }
    Some(next)
}

impl Warden {
    /// A process that was just started.
    pub(crate) fn started() -> Self {
        Self {
            is_synced: false,
            lag: [0; 3],
            history: ObservedHistory::default(),
            writes: Vec::new(),
            saw: Saw::default(),
            late: None,
        }
    }
}

impl Warden {
    /// A scale is on its way.
    pub(crate) fn is_scaling(&self) -> bool {
        let is_scale = |write: &Write| matches!(write, Write::Scale { .. });
        self.writes.iter().chain(self.late.iter().map(|(write, _)| write)).any(is_scale)
    }
}
