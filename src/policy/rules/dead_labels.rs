//! No label is required that no vnode has. Such a requirement keeps the module off every base.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "dead-labels",
    severity: Severity::Warn,
    broken_when: "a label or a topology is required that no base has",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let terms = context.template.node_terms().unwrap_or_default();
    let in_terms = terms
        .iter()
        .flat_map(|term| term.expressions())
        .filter(|expression| expression.demands_the_key())
        .map(|expression| (expression.path, expression.key));
    let selector = context.template.spec_path().field("nodeSelector");
    let in_selector = context.template.node_selector_keys().into_iter().map(|key| (selector.key(key), key));
    in_selector
        .chain(in_terms)
        .chain(context.template.required_topologies())
        .filter(|(_, key)| keys::no_vnode_carries(key))
        .map(|(field, key)| {
            let problem = format!("no base has label {key}: requiring it keeps the module off every base");
            let remedy = format!("remove it, or select bases by {} and {}", keys::BASE_NAME, keys::BASE_VERSION);
            Violation::invalid(field, problem, remedy)
        })
        .collect()
}
