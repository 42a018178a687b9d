//! Tolerations of the two taints that every vnode has. Without them the scheduler finds no base for the Pod.
//!
//! Only a Pod that selects its bases gets them. These taints keep any other Pod off all bases; with the tolerations it could
//! land on any base.

use super::{Context, Edit};
use crate::module::Taint;
use crate::policy::declarations::chosen_envs;
use crate::policy::selection::Selection;
use crate::vocabulary as keys;

/// Adds the tolerations that no toleration in the template covers.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    if Selection::of(&template) == Selection::Nothing {
        return Vec::new();
    }
    let tolerations = template.tolerations();
    let placement = context.placement();
    let mut envs = chosen_envs(&template);
    if envs.is_empty() {
        envs.push(placement.get(keys::ENV).unwrap_or(&context.policy.default_env));
    }
    let taint = |key, value| Taint { key, value, effect: keys::NO_EXECUTE };
    let of_envs = envs.into_iter().map(|env| taint(keys::TAINT_NODE_ENV, env));
    [taint(keys::TAINT_VIRTUAL_NODE, keys::TAINT_VIRTUAL_NODE_VALUE)]
        .into_iter()
        .chain(of_envs)
        .filter(|taint| !tolerations.iter().any(|toleration| toleration.tolerates(*taint)))
        .map(Taint::toleration)
        .filter(|toleration| context.allows(toleration))
        .map(|toleration| Edit::Append(template.tolerations_path(), toleration))
        .collect()
}
