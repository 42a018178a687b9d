//! A DaemonSet with surge has a new version in each update. See [`crate::policy::rerelease`].

use super::Context;
use super::same_version::{NEW_VERSION, new_version_or};
use crate::module::{FieldPath, Kind};
use crate::policy::rerelease::{Consequence, rereleases_with};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "surging-daemon-set",
    severity: Severity::Deny,
    broken_when: "a DaemonSet with `maxSurge` is updated and keeps a `BIZ_VERSION`",
    scope: Scope::ChangedTemplate,
    check,
    vital: Some(Vital {
        why: "it would uninstall the module from every base, while the DaemonSet looks healthy",
        check_owned: check,
    }),
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let max_surge = FieldPath::root().fields(&["spec", "updateStrategy", "rollingUpdate", "maxSurge"]);
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
