//! The labels of the module's name and version agree with its container. Otherwise selectors and people would go by a name or
//! version that no base ever sees.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "module-labels",
    severity: Severity::Deny,
    broken_when: "the labels of the module's name and version do not agree with its container",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let metadata = context.template.metadata();
    let modules = context.meant_as_modules();
    let names: Vec<&str> = modules.iter().map(|module| module.name()).collect();
    let versions: Vec<&str> = modules.iter().filter_map(|module| module.literal_version()).collect();
    let labels = [(keys::MODULE_NAME, "the container's name", names), (keys::MODULE_VERSION, "BIZ_VERSION", versions)];
    let mut violations = Vec::new();
    for (key, what, values) in labels {
        let Some(label) = metadata.label(key).filter(|label| !values.is_empty() && !values.contains(label)) else {
            continue;
        };
        let remedy = if context.workload.selects_by(key) {
            let kind = context.workload.kind();
            format!(
                "make the label and {what} agree; the selector requires the label, so another one needs its own {kind}"
            )
        } else {
            format!("make the label and {what} agree, or remove the label: warden fills it in")
        };
        let problem = format!("the label is {label:?}, but {what} is {:?}", values.join(", "));
        violations.push(Violation::invalid(metadata.label_path(key), problem, remedy));
    }
    violations
}
