//! A Pod has one jar. Its labels can name one module only, so nothing keeps two Pods with several jars off one base.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "several-jars",
    severity: Severity::Warn,
    broken_when: "a Pod has several jars",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    if context.template.containers().iter().filter(|container| container.is_module()).count() < 2 {
        return Vec::new();
    }
    let problem = "several jars in one Pod: two such Pods may share a base, and deleting one uninstalls both";
    let field = context.template.spec_path().field("containers");
    vec![Violation::invalid(field, problem, "give each jar its own workload")]
}
