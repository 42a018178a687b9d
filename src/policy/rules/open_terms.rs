//! Every term of the node affinity selects bases. Terms are ORed, so one that does not allows any base.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::selection::Selection;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "open-terms",
    severity: Severity::Warn,
    broken_when: "a term of the node affinity selects no base, while another does",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    if Selection::of(&context.pod) != Selection::InSomeTerms {
        return Vec::new();
    }
    let problem = "a nodeSelectorTerm selects no base; terms are ORed, so it allows any base";
    let remedy = format!("require {} and {} in every term", keys::BASE_NAME, keys::BASE_VERSION);
    vec![Violation::invalid(context.template.node_terms_path(), problem, remedy)]
}
