//! Pods are spread over topologies that vnodes have: only the host name.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "topology-spread",
    severity: Severity::Warn,
    broken_when: "Pods are spread over a topology that no base has",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let topologies = context.template.spread_topologies().into_iter();
    topologies
        .filter(|(_, topology)| !keys::every_vnode_carries(topology) && *topology != keys::ENV)
        .map(|(field, topology)| {
            let problem = format!("no base has {topology}");
            let remedy = format!("spread over {} instead", keys::HOSTNAME);
            let warning = format!("{problem}: {remedy}");
            Violation::invalid(field, problem, remedy).or_warn(warning)
        })
        .collect()
}
