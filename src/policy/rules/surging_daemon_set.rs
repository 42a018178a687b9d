//! A DaemonSet with surge has a new version in each update. See [`crate::policy::rerelease`]. Nor does it begin to surge while an
//! update is under way.

use super::Context;
use super::same_version::{NEW_VERSION, new_version_or};
use crate::module::{FieldPath, Kind, Rollout};
use crate::policy::rerelease::{Consequence, rereleases_with};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "surging-daemon-set",
    severity: Severity::Deny,
    broken_when: "a DaemonSet with `maxSurge` is updated and keeps a `BIZ_VERSION`, or gets `maxSurge` while an update is under way",
    scope: Scope::EveryWrite,
    check,
    vital: Some(Vital {
        why: "it would uninstall the module from every base, while the DaemonSet looks healthy",
        check_owned: check,
    }),
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let max_surge = FieldPath::root().fields(&["spec", "updateStrategy", "rollingUpdate", "maxSurge"]);
    if !context.template_changed() {
        return begins_to_surge(context, max_surge).into_iter().collect();
    }
    rereleases_with(context, Consequence::PodsMeetOnEveryNode)
        .iter()
        .map(|rerelease| {
            let (name, version) = (rerelease.module.name(), rerelease.version);
            let is_restart = context.is_restart();
            let cause = if is_restart { "kubectl rollout restart keeps BIZ_VERSION, and " } else { "" };
            let problem = format!(
                "{cause}with maxSurge each base gets a new Pod of {name} {version} beside the old one, and deleting the old one uninstalls \
                 the module for both"
            );
            let remedy = if is_restart {
                let patch = r#"{"spec":{"updateStrategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":1}}}}"#;
                let name = context.workload.name();
                // A custom resource has no strategic merge patch, which is the default.
                let command = match context.workload.kind() {
                    Kind::AdvancedDaemonSet => format!("kubectl patch daemonsets.apps.kruise.io {name} --type merge"),
                    _ => format!("kubectl patch daemonset {name}"),
                };
                format!(
                    "set maxSurge to 0 and maxUnavailable to 1, and restart it again: {command} -p '{patch}'; or {NEW_VERSION}"
                )
            } else {
                new_version_or(&rerelease.needs(context))
            };
            Violation::forbidden(max_surge.clone(), problem, remedy)
        })
        .collect()
}

/// The controller goes on with an update by the strategy of the moment: where the former Pods have the version of the new ones, they
/// meet. Their version is not known here, as only the newest revision's modules are.
fn begins_to_surge(context: &Context<'_>, max_surge: FieldPath) -> Option<Violation> {
    let old = context.old?;
    let begins = context.workload.rollout() == Rollout::Beside && old.rollout() != Rollout::Beside;
    (begins && old.has_former_pods_on_nodes()).then(|| {
        let problem = "an update is under way, and with maxSurge a new Pod of it may come beside an old one of the same BIZ_VERSION: \
                       deleting the old one uninstalls the module for both";
        let (kind, name) = (context.workload.kind(), context.workload.name());
        let remedy = format!(
            "set it when each base has its new Pod: the {kind} {name} then has as many updatedNumberScheduled as \
             desiredNumberScheduled in its status"
        );
        Violation::forbidden(max_surge, problem, remedy)
    })
}
