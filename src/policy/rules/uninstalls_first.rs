//! A DaemonSet installs the new version on each base before it uninstalls the old one.
//!
//! Measured on ModuleController 2.2.0: it uninstalls at once when a Pod is deleted, and then waits for the Pod's grace period before
//! the Pod is gone. Without surge, the DaemonSet controller makes the new Pod only then: the base is without the module for the grace
//! period. With `maxSurge: 1` and `maxUnavailable: 0` a new version is installed first, and the base is never without.

use super::Context;
use crate::module::{FieldPath, Rollout};
use crate::policy::rerelease::rereleases;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "uninstalls-first",
    severity: Severity::Warn,
    broken_when: "a DaemonSet has no `maxSurge`, so that each update leaves each base without the module for a grace period above \
                  5 s and `gracePeriodSeconds`",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let strategy = FieldPath::root().fields(&["spec", "updateStrategy"]);
    let is_by_hand = || strategy.field("type").get(context.workload.object()).is_some_and(|it| it == "OnDelete");
    // That a version is released again is told by the rules on that. With surge, it would be refused.
    if context.workload.rollout() != Rollout::InPlace || is_by_hand() || !rereleases(context).is_empty() {
        return Vec::new();
    }
    let (seconds, short) = (context.pod.grace_period(), context.short_grace_period());
    if seconds <= short {
        return Vec::new();
    }
    let problem = format!(
        "an update deletes the old Pod of each base before it makes the new one, so each base is {seconds} s without the module, \
         the grace period of the Pod"
    );
    let remedy = format!(
        "set maxSurge to 1 and maxUnavailable to 0, and give each release a new BIZ_VERSION: no base is ever without; or set \
         terminationGracePeriodSeconds to {short}"
    );
    let warning = format!(
        "each update leaves each base {seconds} s without the module; with maxSurge 1 and maxUnavailable 0: 0 s"
    );
    vec![Violation::invalid(strategy.fields(&["rollingUpdate", "maxSurge"]), problem, remedy).or_warn(warning)]
}
