//! warden's processes: caches that lag, the functions that ship, writes that take their time.

use koupleless_warden::cluster::{Place, Pod as SeenPod, Snapshot, Source};
use koupleless_warden::peer::{Hold, Memory, Moment, Plan, Standing, Step, decide};

use super::config::{Config, Flaw};
use super::kubernetes::is_scaling_down;
use super::world::{Node, Pod, PodId, Pods, Warden, Watch, World, Write, Wrong};

/// Puts a snapshot together by the rules of the inventory, from what the caches of a process show.
fn snapshot(world: &World, warden: &Warden) -> Snapshot {
    let [nodes, pods, deployment] = warden.lag;
    let (nodes, pods) = (world.nodes.seen(nodes), world.pods.seen(pods));
    let deployment = world.deployment.seen(deployment);
    let carries = |base: usize| pods.iter().any(|pod| pod.base.is_some_and(|on| usize::from(on) == base));
    let bases = || nodes.iter().enumerate().filter(|(_, node)| node.is_base());
    let counted = bases().filter(|(base, node)| node.is_ready || carries(*base)).count();
    let mut replica_sets: Vec<(String, u32)> = Vec::new();
    for set in 0..2 {
        let count = pods.iter().filter(|pod| pod.set == set).count();
        if count > 0 {
            replica_sets.push((set_name(set), u32::try_from(count).unwrap()));
        }
    }
    let mut listed: Vec<SeenPod> = pods.iter().map(|pod| seen_pod(pod, nodes)).collect();
    if replica_sets.len() < 2 {
        listed.retain(|pod| !pod.is_well());
    }
    Snapshot {
        uid: "the-deployment".to_owned(),
        resource_version: deployment.resource_version.to_string(),
        replicas: deployment.replicas.into(),
        observed: deployment.is_observed,
        left_alone: None,
        status_line: None,
        source: Source::Bases { count: u32::try_from(counted).unwrap(), shared_hosts: Vec::new() },
        pods: listed,
        replica_sets,
        carried: u32::try_from(bases().filter(|(base, _)| carries(*base)).count()).unwrap(),
    }
}

fn seen_pod(pod: &Pod, nodes: &[Node]) -> SeenPod {
    let place = |base: u8| {
        let name = format!("vnode.{base}");
        if nodes[usize::from(base)].is_base() { Place::Base(name) } else { Place::Departed(name) }
    };
    SeenPod {
        name: format!("pod-{}", pod.id),
        uid: pod.id.to_string(),
        replica_set: set_name(pod.set),
        place: pod.base.map_or(Place::Nowhere, place),
        running: pod.is_running,
        ready: pod.is_ready,
        deletion_cost: if pod.is_marked { i32::MIN } else { 0 },
        marked: pod.is_marked,
    }
}

/// The Pods that the caches of a process show on bases.
fn on_bases(world: &World, warden: &Warden) -> Pods {
    let nodes = world.nodes.seen(warden.lag[Watch::Nodes as usize]);
    let pods = world.pods.seen(warden.lag[Watch::Pods as usize]).iter();
    let is_on_base = |pod: &&Pod| pod.base.is_some_and(|base| nodes[usize::from(base)].is_base());
    pods.filter(is_on_base).map(|pod| 1 << pod.id).sum()
}

fn set_name(set: u8) -> String {
    format!("set-{set}")
}

fn number(pod: &SeenPod) -> PodId {
    pod.uid.parse().unwrap()
}

/// A process looks at what its caches show, decides, and sends the first write. Nothing where nothing comes of it.
pub(crate) fn looks(config: &Config, world: &World, who: usize) -> Option<World> {
    let warden = &world.wardens[who];
    if !warden.writes.is_empty() {
        return None;
    }
    let mut next = world.clone();
    let seen = snapshot(world, warden);
    let now = Moment::from_secs(world.now.into());
    let standing = Standing { synced: warden.is_synced, leader: world.leader == who };
    let mut memory = warden.memory.clone();
    if standing.synced && standing.leader {
        memory.observe(&seen, &config.settings, now);
    }
    let plan = flawed(config, &seen, decide(&seen, &memory, standing, &config.settings, now));
    let mut writes: Vec<Write> = plan.unmark.iter().map(number).map(Write::Unmark).collect();
    writes.extend(plan.mark.iter().map(number).map(Write::Mark));
    if let Step::Scale { to } = plan.step {
        let to = u8::try_from(to).unwrap();
        writes.push(Write::Scale { to, resource_version: seen.resource_version.parse().unwrap() });
        let bases = world.nodes.seen(warden.lag[Watch::Nodes as usize]).iter().filter(|node| node.is_base()).count();
        if usize::from(to) > bases {
            next.wrong = Some(Wrong::Overshoot);
        }
        if config.held.is_some_and(|(fewest, before)| to < fewest && world.now < before) {
            next.wrong = Some(Wrong::MassLossFollowed);
        }
    }
    if !(writes.is_empty() || standing.synced && standing.leader) {
        next.wrong = Some(Wrong::NoStanding);
    }
    let saw = on_bases(world, warden);
    let warden = &mut next.wardens[who];
    warden.saw = if writes.is_empty() { 0 } else { saw };
    warden.writes = writes;
    warden.memory = memory;
    (next != *world).then_some(next)
}

/// What a warden with a known mistake makes of a plan.
fn flawed(config: &Config, seen: &Snapshot, mut plan: Plan) -> Plan {
    let wanted = seen.source.wanted().unwrap();
    let is_skipped = match &plan.step {
        Step::Hold { reason: Hold::MarksUnseen, .. } => config.has(Flaw::SkipsMarks),
        Step::Hold { reason: Hold::Endangers(_), .. } => config.has(Flaw::IgnoresEndangered),
        _ => false,
    };
    if is_skipped {
        plan.mark.clear();
        plan.step = Step::Scale { to: wanted };
    }
    plan
}

/// The write that is on its way arrives; with the next one the lease is looked at again.
pub(crate) fn lands(config: &Config, world: &World, who: usize) -> Option<World> {
    let write = *world.wardens[who].writes.first()?;
    let mut next = world.clone();
    next.wardens[who].writes.remove(0);
    if next.leader != who {
        next.wardens[who].writes.clear();
    }
    if next.wardens[who].writes.is_empty() {
        next.wardens[who].saw = 0;
    }
    let made = arrives(&mut next, write, world.wardens[who].saw);
    if next.written > world.written && world.wardens[who].lag[Watch::Nodes as usize] > 0 {
        next.written = world.written;
        next.written_blindly += 1;
    }
    if let Some(made) = made
        && !config.has(Flaw::ForgetsItsWrite)
    {
        next.wardens[who].memory.wrote(made.to_string(), Moment::from_secs(world.now.into()));
    }
    Some(next)
}

/// The API server does what it is told. Gives the resourceVersion that a scale made.
fn arrives(world: &mut World, write: Write, saw: Pods) -> Option<u8> {
    match write {
        Write::Unmark(id) | Write::Mark(id) => {
            let is_marked = matches!(write, Write::Mark(_));
            if world.pod(id).is_some_and(|pod| pod.is_marked != is_marked) {
                world.change_pod(id, |pod| pod.is_marked = is_marked);
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
                let before = if is_scaling_down(world) { world.scaled_with } else { Pods::MAX };
                world.scaled_with = before & saw;
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

/// A process that was started lists everything.
pub(crate) fn lists(world: &World, who: usize) -> Option<World> {
    if world.wardens[who].is_synced {
        return None;
    }
    let mut next = world.clone();
    next.wardens[who].is_synced = true;
    Some(next)
}

/// A process is killed: what it knew is lost, and what it had not sent.
pub(crate) fn crashes(world: &mut World, who: usize) {
    let warden = &world.wardens[who];
    let late = warden.writes.first().copied().filter(Write::is_scale).map(|write| (write, warden.saw));
    world.wardens[who] = Warden { late: late.or(warden.late), ..Warden::started() };
    world.trim();
}

/// A process does not wait any longer for a scale.
pub(crate) fn gives_up(world: &World, who: usize) -> Option<World> {
    let mut next = world.clone();
    let warden = &mut next.wardens[who];
    warden.late = Some((warden.writes.first().copied().filter(Write::is_scale)?, std::mem::take(&mut warden.saw)));
    warden.writes.clear();
    world.wardens[who].late.is_none().then_some(next)
}

/// What was given up on arrives all the same, or never.
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
        Self { is_synced: false, lag: [0; 3], memory: Memory::default(), writes: Vec::new(), saw: 0, late: None }
    }
}

impl Warden {
    /// Its watches have delivered all there is, and nothing that it wrote is on its way.
    pub(crate) fn is_up_to_date(&self) -> bool {
        self.lag == [0; 3] && self.writes.is_empty() && self.late.is_none()
    }
}

impl Write {
    fn is_scale(&self) -> bool {
        matches!(self, Self::Scale { .. })
    }
}
