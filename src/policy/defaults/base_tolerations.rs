//! Tolerations of the two taints that every vnode carries; without them the scheduler finds no base for the Pod.
//!
//! Only a Pod that selects its bases gets them. One that does not is kept off the bases by these very taints, and would
//! otherwise land on anybody's.

use super::super::selection::Selection;
use super::super::sources;
use super::{Scene, Step};
use crate::module::Taint;
use crate::vocabulary as keys;

/// Adds the tolerations that nothing covers yet.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    let template = scene.workload.template();
    if Selection::of(&template) == Selection::Nothing {
        return Vec::new();
    }
    let tolerations = template.tolerations();
    let taint = |key, value| Taint { key, value, effect: keys::NO_EXECUTE };
    let envs = sources::envs(scene.workload, scene.request.namespace, &scene.policy.default_env);
    let of_envs = envs.into_iter().map(|env| taint(keys::TAINT_NODE_ENV, env));
    [taint(keys::TAINT_VIRTUAL_NODE, keys::TAINT_VIRTUAL_NODE_VALUE)]
        .into_iter()
        .chain(of_envs)
        .filter(|taint| !tolerations.iter().any(|toleration| toleration.tolerates(*taint)))
        .map(|taint| Step::Append(template.tolerations_path(), taint.toleration()))
        .collect()
}
