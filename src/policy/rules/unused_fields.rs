//! A module says nothing that its base does not read. To a base, a module is a jar in a running JVM.

use super::Context;
use crate::module::Container;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "unused-fields",
    severity: Severity::Warn,
    broken_when: "a module has init containers, volumes, probes, `envFrom` or `lifecycle`, which no base reads",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let unused = context.template.unused_fields();
    // Where no container is a module, that is what must be told.
    if unused.is_empty() || !context.template.containers().iter().any(Container::is_module) {
        return Vec::new();
    }
    let problem = format!("a base ignores {}: it installs the jar and nothing else", unused.join(", "));
    vec![Violation::invalid(
        context.template.spec_path(),
        problem,
        "remove them: the base itself provides what the jar needs",
    )]
}
