//! The selector does not require the version. Selectors are immutable, so the version could never change.

use super::Context;
use crate::module::FieldPath;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "version-in-selector",
    severity: Severity::Warn,
    broken_when: "the selector requires the version label",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    if !context.workload.selects_by(keys::MODULE_VERSION) {
        return Vec::new();
    }
    let kind = context.workload.kind();
    let problem = format!("the selector requires {}: each version needs its own {kind}", keys::MODULE_VERSION);
    let field = FieldPath::root().fields(&["spec", "selector"]);
    vec![Violation::invalid(field, problem, "select by labels that do not change")]
}
