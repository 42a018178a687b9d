//! The labels by which ModuleController puts modules into the baseline of a base are only where it would be right to go by them.

use super::Context;
use crate::module::Kind;
use crate::policy::declarations::single_demand;
use crate::policy::defaults::of_every_base_of_a_cluster;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "baseline-labels",
    severity: Severity::Warn,
    broken_when: "labels of a Deployment make ModuleController install its modules on every base of a cluster that starts, although \
                  they are not for every base",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let metadata = context.workload.metadata();
    if context.workload.kind() != Kind::Deployment || metadata.label(keys::ENV).is_none() {
        return Vec::new();
    }
    let cluster =
        metadata.label(keys::BASE_CLUSTER_NAME).or_else(|| single_demand(&context.template, keys::BASE_CLUSTER_NAME));
    let Some(cluster) = cluster else { return Vec::new() };
    let wanted = of_every_base_of_a_cluster(&context.pod).filter(|_| context.workload.is_peer());
    let env = metadata.label(keys::ENV).unwrap_or_default();
    if wanted.is_some_and(|[of_env, of_cluster]| of_env == env && of_cluster == cluster) {
        return Vec::new();
    }
    let problem = format!("with label {}, every base of {cluster} that starts installs this", keys::ENV);
    let remedy = format!("remove the label {} from the Deployment's metadata", keys::ENV);
    vec![Violation::invalid(metadata.label_path(keys::ENV), problem, remedy)]
}
