//! The template of a module Deployment has the label by which ModuleController finds the Pods. warden leaves templates as they are.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "component-label",
    severity: Severity::Deny,
    broken_when: "a workload is labelled as a module deployment, and its template is not labelled as a module",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    if context.template.is_module() {
        return Vec::new();
    }
    let (key, value) = (keys::COMPONENT.current, keys::COMPONENT_MODULE);
    let problem = format!("its Pods lack label {key}: {value:?}, so ModuleController ignores them");
    let remedy = format!("add the label {key}: {value} to the template");
    vec![Violation::required(context.template.metadata().label_path(key), problem, remedy)]
}
