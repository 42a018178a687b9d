//! The Namespace lets module Pods be as they must be: its whitelist of tolerations and its node selector.

use super::Context;
use crate::module::{Taint, Toleration};
use crate::policy::rule::Scope;
use crate::policy::{NamespaceFacts, Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "namespace-restrictions",
    severity: Severity::Warn,
    broken_when: "the whitelist of tolerations or the node selector of the Namespace keeps modules off bases, or lets an outage of \
                  ModuleController evict them",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let Some(namespace) = context.request.namespace else { return Vec::new() };
    let mut violations = tolerations(context, namespace);
    violations.extend(node_selector(context, namespace));
    violations
}

fn tolerations(context: &Context<'_>, namespace: &NamespaceFacts) -> Vec<Violation> {
    let field = context.template.tolerations_path();
    let tolerations = context.pod.tolerations();
    let allow = |what: &str| format!("allow {what} in annotation {} of the Namespace", keys::TOLERATIONS_WHITELIST);
    let missing = |taint: Taint<'_>| {
        !tolerations.iter().any(|known| known.tolerates(taint)) && !namespace.allows(&taint.toleration())
    };
    let mut violations = Vec::new();
    if missing(Taint::VIRTUAL_NODE) {
        let key = keys::TAINT_VIRTUAL_NODE;
        let problem = format!("the Namespace allows no toleration of {key}, so no base takes its Pods");
        violations.push(Violation::invalid(field.clone(), problem, allow(key)));
    }
    let forbidden = |toleration: &Toleration<'_>| !namespace.allows(toleration.value());
    if let Some(toleration) = tolerations.iter().find(|it| forbidden(it)) {
        let key = Some(toleration.key()).filter(|key| !key.is_empty()).unwrap_or("every key");
        let problem = format!("the Namespace does not allow the toleration of {key}: its Pods are refused");
        violations.push(Violation::invalid(field.clone(), problem, allow(key)));
    }
    for key in [keys::TAINT_NOT_READY, keys::TAINT_UNREACHABLE] {
        if !namespace.allows(&Taint::evicting(key).toleration()) {
            let problem = format!("the Namespace allows no lasting toleration of {key}: an outage evicts modules");
            violations.push(Violation::invalid(field.clone(), problem, allow(key)));
        }
    }
    violations
}

fn node_selector(context: &Context<'_>, namespace: &NamespaceFacts) -> Vec<Violation> {
    let field = context.template.spec_path().field("nodeSelector");
    let of_vnodes = [keys::ENV, keys::COMPONENT.current];
    namespace
        .node_selector()
        .filter(|(key, _)| !of_vnodes.contains(key) && !keys::every_vnode_carries(key))
        .map(|(key, value)| {
            let problem = format!("the Namespace adds node selector {key}={value}: bases without it take no Pod");
            let remedy = format!("remove annotation {} from the Namespace", keys::NAMESPACE_NODE_SELECTOR);
            Violation::invalid(field.key(key), problem, remedy)
        })
        .collect()
}
