//! The Deployment controller, with `maxSurge: 1` and `maxUnavailable: 0`.

use super::world::{Pod, Warden, World};

const OLD: u8 = 0;
const NEW: u8 = 1;

/// All that the Deployment controller may do next; several things where it is not said how it divides.
pub(crate) fn syncs(world: &World) -> Vec<World> {
    let deployment = *world.deployment.truth();
    let [old, new] = world.set_replicas;
    if deployment.is_observed && !world.is_rolling {
        return Vec::new();
    }
    // A step changes the Deployment's status, so a scale that is on its way would be refused.
    if deployment.is_observed && world.wardens.iter().any(Warden::is_scaling) {
        return Vec::new();
    }
    let sizes = if !world.is_rolling {
        vec![[deployment.replicas, 0]]
    } else if !deployment.is_observed && old > 0 && new > 0 {
        divisions([old, new], deployment.replicas + u8::from(deployment.replicas > 0))
    } else if !deployment.is_observed && old > 0 {
        vec![[deployment.replicas, 0]]
    } else {
        vec![rolls(world, deployment.replicas, [old, new])]
    };
    let set = |sizes: [u8; 2]| {
        let mut next = world.clone();
        next.set_replicas = sizes;
        if !deployment.is_observed {
            next.change_deployment(|deployment| deployment.is_observed = true);
        }
        (next != *world).then_some(next)
    };
    sizes.into_iter().filter_map(set).collect()
}

/// The ways to come to `total` by only adding or only taking, from either ReplicaSet. Upstream takes in proportion.
fn divisions([old, new]: [u8; 2], total: u8) -> Vec<[u8; 2]> {
    let is_growing = total >= old + new;
    let fits = |&[a, b]: &[u8; 2]| if is_growing { a >= old && b >= new } else { a <= old && b <= new };
    (0..=total).map(|a| [a, total - a]).filter(fits).collect()
}

/// A step of a rolling update: `rolloutRolling` in `pkg/controller/deployment/rolling.go`.
fn rolls(world: &World, replicas: u8, [old, new]: [u8; 2]) -> [u8; 2] {
    let room = (replicas + 1).saturating_sub(old + new);
    if new > replicas {
        return [old, replicas];
    }
    if new < replicas && room > 0 {
        return [old, new + room.min(replicas - new)];
    }
    let available = |set| u8::try_from(world.of_set(set).filter(is_ready).count()).unwrap();
    let (available_old, available_new) = (available(OLD), available(NEW));
    let may_go = (old + new).saturating_sub(replicas).saturating_sub(new.saturating_sub(available_new));
    if may_go == 0 {
        return [old, new];
    }
    // Those that do not serve go first.
    let unhealthy = old.saturating_sub(available_old).min(may_go);
    let old = old - unhealthy;
    let spare = (available_old + available_new).saturating_sub(replicas);
    [old - spare.min(old), new]
}

fn is_ready(pod: &&Pod) -> bool {
    pod.is_ready
}
