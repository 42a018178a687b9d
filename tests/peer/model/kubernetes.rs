//! What Kubernetes and ModuleController do, by and by.

use super::config::{Config, Event, Flaw};
use super::warden;
use super::world::{Base, Pod, PodId, Pods, World, Wrong};

/// Something happens to the cluster.
pub(crate) fn happens(world: &World, event: Event) -> Option<World> {
    let mut next = world.clone();
    let node = |base: Base| world.nodes.truth()[usize::from(base)];
    match event {
        Event::Joins(base) if !node(base).is_there => next.change_nodes(|nodes| {
            nodes[usize::from(base)].is_there = true;
            nodes[usize::from(base)].is_ready = true;
        }),
        Event::Leaves(base) if node(base).is_there => {
            excuse(&mut next, base);
            next.change_nodes(|nodes| nodes[usize::from(base)].is_there = false);
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
        Event::GivesUp(who) => return warden::gives_up(world, who),
        Event::Leads(who) if world.leader != who => next.leader = who,
        Event::RollsOut if !world.is_rolling => {
            next.is_rolling = true;
            next.change_deployment(|deployment| deployment.is_observed = false);
        }
        _ => return None,
    }
    Some(next)
}

/// From here on nobody protects the Pods on a base that is no more.
fn excuse(world: &mut World, base: Base) {
    for pod in world.pods.truth().iter().filter(|pod| pod.base == Some(base)) {
        world.excused |= 1 << pod.id;
    }
}

/// The ReplicaSet controller makes the Pods that are missing.
pub(crate) fn creates(world: &World, set: u8) -> Option<World> {
    let missing = world.set_replicas[usize::from(set)].checked_sub(count(world.of_set(set)))?;
    if missing == 0 {
        return None;
    }
    let mut next = world.clone();
    let ids = world.next_pod..world.next_pod + missing;
    next.next_pod += missing;
    let pending = |id| Pod { id, set, base: None, is_running: false, is_ready: false, is_marked: false };
    next.change_pods(|pods| pods.extend(ids.map(pending)));
    Some(next)
}

/// The Pods of which the ReplicaSet controller deletes one next: those that rank first, any of them. As
/// `ActivePodsWithRanks` in `pkg/controller/controller_utils.go` has it, short of ages and restarts.
pub(crate) fn next_victims(world: &World, set: u8) -> Vec<PodId> {
    if count(world.of_set(set)) <= world.set_replicas[usize::from(set)] {
        return Vec::new();
    }
    let beside = |pod: &Pod| world.pods.truth().iter().filter(|other| other.base == pod.base).count();
    let rank = |pod: &Pod| (pod.base.is_some(), pod.is_running, pod.is_ready, !pod.is_marked, usize::MAX - beside(pod));
    let first = world.of_set(set).map(rank).min();
    world.of_set(set).filter(|pod| Some(rank(pod)) == first).map(|pod| pod.id).collect()
}

/// The ReplicaSet controller deletes a Pod, and with it the module is uninstalled.
pub(crate) fn deletes(world: &World, id: PodId) -> Option<World> {
    let victim = *world.pod(id)?;
    let mut next = world.clone();
    next.change_pods(|pods| pods.retain(|pod| pod.id != id));
    if let Some(base) = victim.base.filter(|base| world.is_base(*base)) {
        let mut others = next.pods.truth().iter().filter(|pod| pod.base == Some(base));
        let is_excused = world.excused & (1 << id) != 0;
        if victim.is_ready && !is_excused && !others.any(|pod| pod.is_ready) {
            next.wrong = Some(Wrong::LostItsModule(base));
        }
    }
    Some(next)
}

/// The scheduler binds the oldest Pod of a ReplicaSet that is on no node to a base that has none of it.
pub(crate) fn binds(world: &World, set: u8, base: Base) -> Option<World> {
    let pod = world.of_set(set).find(|pod| pod.base.is_none())?.id;
    let node = world.nodes.truth()[usize::from(base)];
    let is_taken = world.of_set(set).any(|pod| pod.base == Some(base));
    if !node.is_base() || !node.is_ready || is_taken {
        return None;
    }
    let mut next = world.clone();
    next.change_pod(pod, |pod| pod.base = Some(base));
    Some(next)
}

/// ModuleController has installed a module, or says again that it runs.
pub(crate) fn turns_ready(config: &Config, world: &World, pod: &Pod) -> Option<World> {
    let base = pod.base?;
    let node = world.nodes.truth()[usize::from(base)];
    if pod.is_ready || !node.is_there || !node.is_ready {
        return None;
    }
    if !config.has(Flaw::SlowWatches) && !is_known(world, pod, base) {
        return None;
    }
    let bases = world.nodes.truth().iter().filter(|node| node.is_base()).count();
    if world.is_rolling && usize::from(world.deployment.truth().replicas) < bases {
        return None;
    }
    let mut next = world.clone();
    next.change_pod(pod.id, |pod| (pod.is_running, pod.is_ready) = (true, true));
    Some(next)
}

/// Whether everybody's caches show the Pod as it is and its base, and whatever was decided on without that is over.
fn is_known(world: &World, pod: &Pod, base: Base) -> bool {
    let has = |pods: Pods| pods & (1 << pod.id) != 0;
    let is_over = has(world.scaled_with) || !is_scaling_down(world);
    is_over
        && world.wardens.iter().all(|warden| {
            let [nodes, pods, _] = warden.lag;
            let mut nodes = world.nodes.since(nodes).iter().map(|nodes| nodes[usize::from(base)]);
            let shows = |pods: &Vec<Pod>| {
                pods.iter().any(|seen| {
                    (seen.id, seen.base, seen.is_running, seen.is_ready)
                        == (pod.id, pod.base, pod.is_running, pod.is_ready)
                })
            };
            let shows =
                world.pods.since(pods).iter().all(shows) && nodes.all(|node| node.is_base() == world.is_base(base));
            let is_listed = !warden.is_synced || shows;
            is_listed && (warden.writes.is_empty() || has(warden.saw)) && warden.late.is_none_or(|(_, saw)| has(saw))
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
    (0..).zip(world.set_replicas).any(|(set, replicas)| count(world.of_set(set)) > replicas)
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
pub(crate) fn is_collected(world: &World, pod: &Pod) -> Option<World> {
    let node = world.nodes.truth()[usize::from(pod.base?)];
    if node.is_there {
        return None;
    }
    let mut next = world.clone();
    next.change_pods(|pods| pods.retain(|other| other.id != pod.id));
    Some(next)
}

fn count<'a>(pods: impl Iterator<Item = &'a Pod>) -> u8 {
    u8::try_from(pods.count()).unwrap()
}
