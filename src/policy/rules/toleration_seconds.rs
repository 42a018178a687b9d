//! Tolerations of the vnodes' own taints do not end. When one ends, the module is uninstalled.

use super::Context;
use crate::module::Taint;
use crate::policy::declarations::chosen_envs;
use crate::policy::rule::Scope;
use crate::policy::{Placement, Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "toleration-seconds",
    severity: Severity::Warn,
    broken_when: "a toleration of the vnodes' own taints has `tolerationSeconds`",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

/// For each taint the first toleration that covers it counts (`GetMatchingTolerations` in component-helpers), so one that covers every
/// key and ends is not mended by another after it.
fn check(context: &Context<'_>) -> Vec<Violation> {
    let list = context.template.tolerations_path();
    let tolerations = context.template.tolerations();
    let placement = Placement::of_pods(context.workload, context.request.namespace, context.policy);
    let mut envs = chosen_envs(&context.pod);
    if envs.is_empty() {
        envs.push(placement.get(keys::ENV).unwrap_or(&context.policy.default_env));
    }
    let of_envs = envs.into_iter().map(|env| (keys::TAINT_NODE_ENV, env));
    let taints = [(keys::TAINT_VIRTUAL_NODE, keys::TAINT_VIRTUAL_NODE_VALUE)].into_iter().chain(of_envs);
    let mut indexes: Vec<(usize, &str)> = taints
        .filter_map(|(key, value)| {
            let taint = Taint { key, value, effect: keys::NO_EXECUTE };
            Some((tolerations.iter().position(|toleration| toleration.tolerates(taint))?, key))
        })
        .collect();
    indexes.dedup_by_key(|(index, _)| *index);
    indexes
        .into_iter()
        .filter_map(|(index, key)| {
            let seconds = tolerations[index].seconds()?;
            let problem = format!("toleration of {key} ends after {seconds} s: the module is then uninstalled");
            let field = list.index(index).field("tolerationSeconds");
            Some(Violation::invalid(field, problem, "remove the seconds"))
        })
        .collect()
}
