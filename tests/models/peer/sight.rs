//! What the caches of a process of warden show it.

use koupleless_warden::module::MaxSurge;
use koupleless_warden::peer::{PeerState, Place, Pod as SeenPod, Snapshot, Source};

use super::config::Config;
use super::world::{Node, Pod, Pods, Saw, Warden, Watch, World};

/// Puts a snapshot together by the rules of the inventory, from what the caches of a process show.
pub(crate) fn snapshot(config: &Config, world: &World, warden: &Warden) -> Snapshot {
    let [nodes, pods, deployment] = warden.lag;
    let (nodes, pods) = (world.nodes.seen(nodes), world.pods.seen(pods));
    let deployment = world.deployment.seen(deployment);
    let carries = |base: usize| pods.iter().any(|pod| pod.base.is_some_and(|on| usize::from(on) == base));
    let bases = || nodes.iter().enumerate().filter(|(_, node)| node.is_base());
    let counted = bases().filter(|(base, node)| node.is_ready || carries(*base)).count();
    let unfit = nodes.iter().enumerate().filter(|(base, node)| node.is_there && !node.matches && carries(*base));
    let mut replica_sets: Vec<(String, u32)> = Vec::new();
    for set in 0..2 {
        let count = pods.iter().filter(|pod| pod.set == set).count();
        if count > 0 {
            replica_sets.push((set_name(set), u32::try_from(count).unwrap()));
        }
    }
    let mut listed: Vec<SeenPod> = pods.iter().map(|pod| seen_pod(pod, nodes)).collect();
    if replica_sets.len() < 2 {
        listed.retain(|pod| !pod.is_healthy());
    }
    Snapshot {
        uid: "the-deployment".to_owned(),
        resource_version: deployment.resource_version.to_string(),
        replicas: deployment.replicas.into(),
        max_surge: MaxSurge::Pods(1),
        observed: deployment.is_observed,
        // In a rollout all processes see the Pods as they are, see [`super`].
        rolled_out: !world.is_rolling || pods.iter().all(|pod| pod.set == 1),
        pinned: false,
        unmanaged: None,
        // What warden has written in the beginning, if a loss is to be held.
        state: (config.held > 0).then(|| settled(config.first_bases().count())),
        source: Source::Bases { count: u32::try_from(counted).unwrap(), shared_hosts: Vec::new() },
        pods: listed,
        replica_sets,
        unfit: u32::try_from(unfit.count()).unwrap(),
        not_kept_apart: u32::try_from(pods.iter().filter(|pod| !pod.is_labelled).count()).unwrap(),
        carried: u32::try_from(bases().filter(|(base, _)| carries(*base)).count()).unwrap(),
    }
}

/// The state that says that warden settled on so many replicas.
fn settled(replicas: usize) -> PeerState {
    PeerState::read(&format!(r#"{{"v":1,"settled":{replicas}}}"#)).unwrap()
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

/// What a process knows by its caches.
pub(crate) fn saw(world: &World, warden: &Warden) -> Saw {
    let nodes = world.nodes.seen(warden.lag[Watch::Nodes as usize]);
    let pods = world.pods.seen(warden.lag[Watch::Pods as usize]);
    let is_on_base = |pod: &&Pod| pod.base.is_some_and(|base| nodes[usize::from(base)].is_base());
    let not_ready = |pod: &&Pod| !pod.is_ready;
    let set_of = |pods: &mut dyn Iterator<Item = &Pod>| -> Pods { pods.map(|pod| 1 << pod.id).sum() };
    Saw { on_bases: set_of(&mut pods.iter().filter(is_on_base)), not_ready: set_of(&mut pods.iter().filter(not_ready)) }
}

fn set_name(set: u8) -> String {
    format!("set-{set}")
}
