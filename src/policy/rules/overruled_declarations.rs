//! No declaration is overruled by the pod spec. This is also checked when only the declaration changes: the template wins.

use super::Context;
use crate::policy::declarations::{chosen_envs, declared_on_object, single_demand};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "overruled-declarations",
    severity: Severity::Warn,
    broken_when: "a declared base or environment differs from the one that the pod spec requires",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let of_base = keys::BASE_SELECTION.map(|key| (key, single_demand(&context.template, key).into_iter().collect()));
    let of_env = (keys::ENV, chosen_envs(&context.template));
    let mut violations = Vec::new();
    for (key, required) in of_base.into_iter().chain([of_env]) {
        if let Some((declared, declared_at)) = declared_on_object(context.workload, key)
            && !required.is_empty()
            && !required.contains(&declared)
        {
            let required = required.join(", ");
            let problem = format!("{key} is declared as {declared}, but the pod spec requires {required}, which wins");
            let remedy = "declare what the pod spec requires, or remove one of the two";
            violations.push(Violation::invalid(declared_at, problem, remedy));
        }
    }
    violations
}
