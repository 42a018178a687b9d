//! Something selects the bases of the module. Otherwise it could land on any base.

use super::Context;
use crate::module::Kind;
use crate::policy::declarations::declared_on_object;
use crate::policy::rule::Scope;
use crate::policy::selection::Selection;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "base-selection",
    severity: Severity::Deny,
    broken_when: "nothing selects the bases. If lowered, warden adds no tolerations of vnodes to such a module: it stays Pending, \
                  or lands on any base if it tolerates their taints itself",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    if Selection::of(&context.pod) != Selection::Nothing {
        return Vec::new();
    }
    let (problem, remedy) = nothing_selected(context);
    vec![Violation::required(context.template.node_terms_path(), problem, remedy)]
}

fn nothing_selected(context: &Context<'_>) -> (String, String) {
    let is_declared = keys::BASE_SELECTION.into_iter().any(|key| declared_on_object(context.workload, key).is_some());
    let (name, version) = (keys::BASE_NAME, keys::BASE_VERSION);
    if is_declared && context.workload.switched(keys::INJECT, "false") {
        let problem = format!("the declared base has no effect, because {} is \"false\"", keys::INJECT);
        let remedy = format!("add a required node affinity (In) on {name} and {version}, or remove that annotation");
        return (problem, remedy);
    }
    let places = match context.workload.kind() {
        Kind::Pod => "the Pod or its Namespace".to_owned(),
        kind => format!("the template, the {kind} or the Namespace"),
    };
    let remedy = format!("annotate {places} with {name} and {version}, or add a required node affinity (In) on them");
    ("nothing says which bases this module is for".to_owned(), remedy)
}
