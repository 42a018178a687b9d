//! Tolerations of the vnodes' own taints do not end. When one ends, the module is uninstalled.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Placement, Rule, Severity, Violation};

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
    let mut indexes: Vec<(usize, &str)> = placement
        .taints(&context.pod, context.policy)
        .into_iter()
        .filter_map(|taint| Some((tolerations.iter().position(|toleration| toleration.tolerates(taint))?, taint.key)))
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
