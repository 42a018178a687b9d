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

const REQUIRE: &str = "add a required node affinity (In) on";

fn check(context: &Context<'_>) -> Vec<Violation> {
    if Selection::of(&context.pod) != Selection::Nothing {
        return Vec::new();
    }
    let (problem, remedy) = nothing_selected(context);
    vec![Violation::required(context.template.node_terms_path(), problem, remedy)]
}

/// The problem, and what works where this object stands.
fn nothing_selected(context: &Context<'_>) -> (String, String) {
    let is_declared = keys::BASE_SELECTION.into_iter().any(|key| declared_on_object(context.workload, key).is_some());
    let (name, version, inject) = (keys::BASE_NAME, keys::BASE_VERSION, keys::INJECT);
    let opted_out = context.workload.switched(inject, "false");
    let problem = if is_declared && opted_out {
        format!("the declared base has no effect, because {inject} is \"false\"")
    } else {
        "nothing says which bases this module is for".to_owned()
    };
    let kind = context.workload.kind();
    let declare = |places: &str| format!("annotate {places} with {name} and {version}");
    let everywhere = match kind {
        Kind::Pod => declare("the Pod or its Namespace"),
        kind => declare(&format!("the template, the {kind} or the Namespace")),
    };
    let remedy = if !opted_out {
        format!("{everywhere}, or {REQUIRE} them")
    } else if context.is_injected() {
        // Only the workload opted out: what it declares does not reach its Pods, which are completed.
        let declare = declare("the template or the Namespace");
        format!("{declare}, or {REQUIRE} them, or remove annotation {inject} from the {kind}")
    } else {
        // Neither declarations nor tolerations are filled in.
        let require = format!("{REQUIRE} {name} and {version}");
        let tolerations = format!("tolerations of {} and {}", keys::TAINT_VIRTUAL_NODE, keys::TAINT_NODE_ENV);
        let and_declare = if is_declared { String::new() } else { format!(", and {everywhere}") };
        format!("{require}, and {tolerations}; or remove annotation {inject}{and_declare}")
    };
    (problem, remedy)
}
