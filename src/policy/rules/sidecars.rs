//! Every container is a module. ModuleController sends the others to the base as modules, too.

use super::Context;
use crate::module::Container;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "sidecars",
    severity: Severity::Warn,
    broken_when: "a container beside the module is not a jar",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let containers = context.template.containers();
    if !containers.iter().any(Container::is_module) {
        return Vec::new();
    }
    containers
        .iter()
        .filter(|container| !container.is_module())
        .map(|container| {
            let problem = format!("container {} is not a jar, but bases are told to install it", container.name());
            let remedy = "remove it, or run it in a Pod that is not a module";
            Violation::invalid(container.path().field("image"), problem, remedy)
        })
        .collect()
}
