//! What Kubernetes and ModuleController do, step by step.

use super::config::{Config, Event, Flaw};
use super::warden;
use super::world::{Base, Node, Pod, PodId, Pods, World, Wrong};

/// Something happens to the cluster.
pub(crate) fn happens(config: &Config, world: &World, event: Event) -> Option<World> {
    let mut next = world.clone();
    let node = |base: Base| world.nodes.truth()[usize::from(base)];
    match event {
        Event::Joins(base) if !node(base).is_there => joins(&mut next, base),
        Event::Leaves(base) if node(base).is_there => leaves(&mut next, base),
        Event::MostLeave(count) => (0..count).for_each(|base| leaves(&mut next, base)),
        Event::AllAreBack if world.now < config.held && world.nodes.truth().iter().any(|node| !node.is_there) => {
            let gone = (0..).zip(world.nodes.truth()).filter(|(_, node)| !node.is_there);
            gone.for_each(|(base, _)| joins(&mut next, base));
        }
        Event::TurnsAway(base) if node(base).is_base() => {
            excuse(&mut next, base);
            next.change_nodes(|nodes| nodes[usize::from(base)].matches = false);
        }
        Event::TurnsBack(base) if node(base).is_there && !node(base).matches => {
            next.change_nodes(|nodes| nodes[usize::from(base)].matches = true);
        }
        Event::TurnsNotReady(base) if node(base).is_there && node(base).is_ready => {
            next.change_nodes(|nodes| nodes[usize::from(base)].is_ready = false);
        }
        Event::TurnsReady(base) if node(base).is_there && !node(base).is_ready => {
            next.change_nodes(|nodes| nodes[usize::from(base)].is_ready = true);
        }
        Event::Crashes(who) => warden::crashes(&mut next, who),
        Event::GivesUp(who) if !world.wardens[who].writes.is_empty() && world.wardens[who].late.is_none() => {
            warden::gives_up(&mut next, who);
        }
        Event::Leads(who) if world.leader != who => warden::leads(config, &mut next, who),
        Event::OwnerWrites => next.change_deployment(|_| {}),
        Event::MovesAway if !world.is_rolling => {
            moves(&mut next, |nodes| nodes.iter_mut().for_each(|node| node.matches = !node.matches));
        }
        Event::Narrows(base) if !world.is_rolling => {
            moves(&mut next, |nodes| nodes[usize::from(base)].matches = false);
        }
        Event::RollsOut if !world.is_rolling => {
            next.is_rolling = true;
            next.change_deployment(|deployment| deployment.is_observed = false);
        }
        _ => return None,
    }
    Some(next)
}

/// A new template is for other nodes than the one before.
fn moves(world: &mut World, change: impl FnOnce(&mut Vec<Node>)) {
    world.is_rolling = true;
    world.change_nodes(change);
    world.change_deployment(|deployment| deployment.is_observed = false);
    // In truth the Nodes are as before, and the template that each process judges them by comes with the Deployment.
    warden::sees_the_move(world);
}

fn joins(world: &mut World, base: Base) {
    world.change_nodes(|nodes| {
        nodes[usize::from(base)].is_there = true;
        nodes[usize::from(base)].is_ready = true;
    });
}

fn leaves(world: &mut World, base: Base) {
    excuse(world, base);
    world.change_nodes(|nodes| nodes[usize::from(base)].is_there = false);
}

/// From here on the Pods on a base that is gone are not protected.
fn excuse(world: &mut World, base: Base) {
    for pod in world.pods.truth().iter().filter(|pod| pod.base == Some(base)) {
        world.excused |= 1 << pod.id;
    }
}

/// The ReplicaSet controller makes the Pods that are missing.
pub(crate) fn creates(world: &World, set: u8) -> Option<World> {
    let missing = world.set_replicas[usize::from(set)].checked_sub(count(world.known_of_set(set)))?;
    if missing == 0 {
        return None;
    }
    let mut next = world.clone();
    let ids = world.next_pod..world.next_pod + missing;
    next.next_pod += missing;
    next.change_pods(|pods| pods.extend(ids.map(|id| Pod::new(id, set, None))));
    next.manager_catches_up();
    Some(next)
}

/// The Pods of which the ReplicaSet controller deletes one next: those that rank first, any of them. As
/// `ActivePodsWithRanks` in `pkg/controller/controller_utils.go` has it, short of ages and restarts.
pub(crate) fn next_victims(world: &World, set: u8) -> Vec<PodId> {
    if count(world.known_of_set(set)) <= world.set_replicas[usize::from(set)] {
        return Vec::new();
    }
    let known = || (0..2).flat_map(|set| world.known_of_set(set));
    let beside = |pod: &Pod| known().filter(|other| other.base == pod.base).count();
    let rank = |pod: &Pod| (pod.base.is_some(), pod.is_running, pod.is_ready, !pod.is_marked, usize::MAX - beside(pod));
    let first = world.known_of_set(set).map(rank).min();
    world.known_of_set(set).filter(|pod| Some(rank(pod)) == first).map(|pod| pod.id).collect()
}

/// The ReplicaSet controller deletes a Pod, and with it the module is uninstalled. It chooses all that are too many by what it
/// has seen before the first.
pub(crate) fn deletes(world: &World, id: PodId) -> Option<World> {
    let mut next = world.clone();
    next.manager_took |= 1 << id;
    if let Some(victim) = world.pod(id) {
        next = taken(&next, victim);
    }
    if !(0..2).any(|set| count(next.known_of_set(set)) > next.set_replicas[usize::from(set)]) {
        next.manager_catches_up();
    }
    Some(next)
}

/// The cluster without a Pod.
fn taken(world: &World, victim: &Pod) -> World {
    let id = victim.id;
    let mut next = world.clone();
    next.change_pods(|pods| pods.retain(|pod| pod.id != id));
    if let Some(base) = victim.base.filter(|base| world.is_base(*base)) {
        // Pods of one version on one base share one installed module: with either of them it goes.
        let (sharing, others): (Vec<&Pod>, Vec<&Pod>) =
            next.pods.truth().iter().filter(|pod| pod.base == Some(base)).partition(|pod| pod.set == victim.set);
        let is_installed = victim.is_installed || sharing.iter().any(|pod| pod.is_installed);
        let has = |pods: Pods| pods & (1 << id) != 0;
        // In a rollout warden cannot know of a Pod that has stopped being Ready only since.
        let was_known = !world.is_rolling || victim.is_ready || has(world.scaled_with.not_ready);
        if is_installed && was_known && !has(world.excused) && !others.iter().any(|pod| pod.is_installed) {
            next.wrong = Some(Wrong::LostItsModule(base));
        }
    }
    next
}

/// A watch delivers the next version of the Pods to the ReplicaSet controller.
pub(crate) fn is_told(world: &World) -> Option<World> {
    let lag = world.manager_lag.filter(|_| world.manager_took == 0)?.checked_sub(1)?;
    let mut next = world.clone();
    next.manager_lag = Some(lag);
    next.trim();
    Some(next)
}

/// The scheduler binds the oldest Pod of a ReplicaSet that is on no node to a base that has none of it.
pub(crate) fn binds(config: &Config, world: &World, set: u8, base: Base) -> Option<World> {
    let pod = world.of_set(set).find(|pod| pod.base.is_none())?;
    let keep_apart = |other: &Pod| other.is_labelled && pod.keeps_off || other.keeps_off && pod.is_labelled;
    let fits = |base: Base| {
        let node = world.nodes.truth()[usize::from(base)];
        // The template of the old ReplicaSet is for the nodes of the beginning.
        let is_old = set == 0 && config.has_moved(world);
        let matches = if is_old { config.nodes[usize::from(base)].matches } else { node.matches };
        let is_free = !world.of_set(set).any(|other| other.base == Some(base) && keep_apart(other));
        node.is_there && matches && node.is_ready && is_free
    };
    if !fits(base) || config.is_coarse() && (0..base).any(fits) {
        return None;
    }
    let mut next = world.clone();
    next.change_pod(pod.id, |pod| pod.base = Some(base));
    Some(next)
}

/// ModuleController has installed a module, or says again that it runs.
pub(crate) fn turns_ready(config: &Config, world: &World, pod: &Pod) -> Option<World> {
    let base = pod.base?;
    let node = world.nodes.truth()[usize::from(base)];
    if pod.is_ready || !node.is_there || !node.is_ready {
        return None;
    }
    let may_end = config.has(Flaw::SlowWatches) || is_known(world, pod, base) && is_followed(world);
    if !pod.is_installed && !may_end {
        return None;
    }
    let mut next = world.clone();
    next.change_pod(pod.id, |pod| (pod.is_running, pod.is_ready, pod.is_installed) = (true, true, true));
    Some(next)
}

/// Whether warden has done what keeps the Deployment controller, in a rollout, from taking a Pod for one too many: it has as
/// many replicas as there are bases and Pods that are Ready and on none, but for those of the old ReplicaSet that it has marked.
fn is_followed(world: &World) -> bool {
    let bases = world.nodes.truth().iter().filter(|node| node.is_base()).count();
    // A mark does not make a Pod of the new ReplicaSet go before one of the old.
    let goes_first = |pod: &Pod| pod.is_marked && pod.set == 0;
    let is_stray = |pod: &&Pod| pod.is_ready && !goes_first(pod) && pod.base.is_some_and(|base| !world.is_base(base));
    let strays = world.pods.truth().iter().filter(is_stray).count();
    !world.is_rolling || usize::from(world.deployment.truth().replicas) >= bases + strays
}

/// Whether all caches show the Pod as it is and its base, and every decision that was taken without that is over.
fn is_known(world: &World, pod: &Pod, base: Base) -> bool {
    let has = |pods: Pods| pods & (1 << pod.id) != 0;
    let is_over = has(world.scaled_with.on_bases) || !is_scaling_down(world);
    let is_same = |seen: &Pod| {
        (seen.id, seen.base, seen.is_running, seen.is_ready) == (pod.id, pod.base, pod.is_running, pod.is_ready)
    };
    is_over
        && world.known_of_set(pod.set).any(is_same)
        && world.wardens.iter().all(|warden| {
            let [nodes, pods, _] = warden.lag;
            let mut nodes = world.nodes.since(nodes).iter().map(|nodes| nodes[usize::from(base)]);
            let shows = |pods: &Vec<Pod>| pods.iter().any(is_same);
            let shows =
                world.pods.since(pods).iter().all(shows) && nodes.all(|node| node.is_base() == world.is_base(base));
            let is_listed = !warden.is_synced || shows;
            let has_seen = warden.writes.is_empty() || has(warden.saw.on_bases);
            is_listed && has_seen && warden.late.is_none_or(|(_, saw)| has(saw.on_bases))
        })
}

/// Whether the controller-manager has still to follow a scale-down.
pub(crate) fn is_scaling_down(world: &World) -> bool {
    let deployment = world.deployment.truth();
    let sets = world.set_replicas;
    has_surplus(world) || (!deployment.is_observed && deployment.replicas < sets[0] + sets[1])
}

/// Whether the ReplicaSet controller has still to delete Pods.
pub(crate) fn has_surplus(world: &World) -> bool {
    let is_more = |(set, replicas)| count(world.of_set(set)) > replicas || count(world.known_of_set(set)) > replicas;
    (0..).zip(world.set_replicas).any(is_more)
}

/// Whether nothing else comes before these deletions: in a rollout the Deployment controller counts on them at once.
pub(crate) fn is_taking(world: &World) -> bool {
    world.is_rolling && has_surplus(world)
}

/// The node lifecycle controller marks a Pod on a node that is not ready.
pub(crate) fn turns_not_ready(world: &World, pod: &Pod) -> Option<World> {
    let node = world.nodes.truth()[usize::from(pod.base?)];
    if !pod.is_ready || !node.is_there || node.is_ready {
        return None;
    }
    let mut next = world.clone();
    next.change_pod(pod.id, |pod| pod.is_ready = false);
    Some(next)
}

/// Pod garbage collection deletes a Pod that is bound to a node that is gone.
pub(crate) fn is_collected(config: &Config, world: &World, pod: &Pod) -> Option<World> {
    let is_garbage = |pod: &Pod| pod.base.is_some_and(|base| !world.nodes.truth()[usize::from(base)].is_there);
    // It waits for most of a minute, and warden for a moment; all Pods are labelled by then.
    let is_early = world.manager_lag.is_some() || world.pods.truth().iter().any(|pod| !pod.is_labelled);
    if !is_garbage(pod) || is_early {
        return None;
    }
    let goes = |other: &&Pod| if config.is_coarse() { is_garbage(other) } else { other.id == pod.id };
    let mut next = world.clone();
    for gone in world.pods.truth().iter().filter(goes) {
        next.change_pods(|pods| pods.retain(|other| other.id != gone.id));
    }
    Some(next)
}

fn count<'a>(pods: impl Iterator<Item = &'a Pod>) -> u8 {
    u8::try_from(pods.count()).unwrap()
}
