//! Pods are completed and kept apart. Where injection is switched off they are not.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "opted-out",
    severity: Severity::Warn,
    broken_when: "injection is switched off, so that two Pods of one version may share a base",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let metadata = context.template.metadata();
    if metadata.annotation(keys::INJECT) != Some("false") {
        return Vec::new();
    }
    let problem = format!("not kept apart: with {} \"false\", two Pods of one version may share a base", keys::INJECT);
    vec![Violation::invalid(metadata.annotation_path(keys::INJECT), problem, "remove the annotation")]
}
