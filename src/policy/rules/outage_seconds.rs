//! A template that writes tolerations of the in-tree plugin's form says that they are its own. On the Pod they cannot be told from
//! what the plugin adds.

use super::Context;
use crate::module::Kind;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "outage-seconds",
    severity: Severity::Warn,
    broken_when: "a template has tolerations of `not-ready` or `unreachable` that end after the seconds of Kubernetes' default, which \
                  are removed from its Pods",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let is_pod = context.workload.kind() == Kind::Pod;
    if is_pod || context.workload.switched(keys::OWN_TOLERATIONS, "true") {
        return Vec::new();
    }
    let seconds = context.policy.default_toleration_seconds;
    let list = context.template.tolerations_path();
    let tolerations = context.template.tolerations().into_iter().enumerate();
    tolerations
        .filter(|(_, it)| {
            [keys::TAINT_NOT_READY, keys::TAINT_UNREACHABLE].into_iter().any(|key| it.is_in_tree_default(key, seconds))
        })
        .map(|(index, toleration)| {
            let key = toleration.key();
            let problem = format!("the {seconds} s of {key} are removed from Pods: see {}", keys::OWN_TOLERATIONS);
            let remedy =
                format!("remove the seconds, or annotate the template with {}: \"true\"", keys::OWN_TOLERATIONS);
            Violation::invalid(list.index(index).field("tolerationSeconds"), problem, remedy)
        })
        .collect()
}
