//! Tolerations of the two taints that every vnode carries; without them the scheduler finds no base for the Pod.

use super::super::sources;
use super::{Scene, Step};
use crate::module::Taint;
use crate::vocabulary as words;

/// Adds the tolerations that nothing covers yet.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    let template = scene.workload.template();
    let env = sources::env(scene.workload, scene.request.namespace, &scene.policy.default_env);
    let tolerations = template.tolerations();
    [(words::TAINT_VIRTUAL_NODE, words::TAINT_VIRTUAL_NODE_VALUE), (words::TAINT_NODE_ENV, env)]
        .map(|(key, value)| Taint { key, value, effect: words::NO_EXECUTE })
        .into_iter()
        .filter(|taint| !tolerations.iter().any(|toleration| toleration.tolerates(*taint)))
        .map(|taint| Step::Append(template.tolerations_path(), taint.toleration()))
        .collect()
}
