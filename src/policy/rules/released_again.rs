//! A release under the same version that works. Each base is without the module for a while. See [`crate::policy::rerelease`].
//!
//! An old Pod is deleted before its base gets the module again, so the grace period of the old Pod counts. With a new version, a rollout
//! that surges leaves no gap. A StatefulSet cannot surge.

use super::Context;
use super::same_version::NEW_VERSION;
use crate::module::{Kind, Rollout};
use crate::policy::defaults::grace_period_of_pods;
use crate::policy::rerelease::{Consequence, Rerelease, rereleases_with};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "released-again",
    severity: Severity::Warn,
    broken_when: "a version is released again in a way that works, and each base is without the module for a grace period above 5 s and \
                  `gracePeriodSeconds`, or that of a bare Pod for about a second",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

/// How long a base is without the module.
enum Gap {
    /// Until it is installed again in place.
    InPlace,
    /// For the grace period of its old Pod, in seconds.
    Seconds(u64),
    /// For a grace period that is not known: the template before the write is not the one that runs.
    Unknown,
}

fn check(context: &Context<'_>) -> Vec<Violation> {
    let gap = gap(context);
    if matches!(gap, Gap::Seconds(seconds) if seconds <= context.short_grace_period()) {
        return Vec::new();
    }
    let again = rereleases_with(context, Consequence::EachBaseGoesWithout);
    again.iter().map(|rerelease| released_again(context, rerelease, &gap)).collect()
}

fn gap(context: &Context<'_>) -> Gap {
    match context.old {
        _ if context.workload.kind() == Kind::Pod => Gap::InPlace,
        Some(old) if !old.is_paused() => Gap::Seconds(grace_period_of_pods(&old.template())),
        _ => Gap::Unknown,
    }
}

fn released_again(context: &Context<'_>, rerelease: &Rerelease<'_>, gap: &Gap) -> Violation {
    let (name, version) = (rerelease.module.name(), rerelease.version);
    let path = rerelease.module.path().field("env");
    let (told, time) = match gap {
        Gap::InPlace => {
            let problem =
                format!("{name} {version} is installed again in place: its base is without it for about a second");
            return Violation::forbidden(path, problem, NEW_VERSION);
        }
        Gap::Seconds(seconds) => (format!("each base is {seconds} s without {name}"), format!(", {seconds} s")),
        Gap::Unknown => (format!("each base is without {name} for a grace period"), String::new()),
    };
    let (instead, remedy) = instead(context);
    let problem =
        format!("{name} {version} is released again: each base is without it for the grace period of its Pod{time}");
    // Longer names are cut off, and the seconds are not.
    let warning = format!("{told}: {version} is released again ({instead})");
    Violation::forbidden(path, problem, remedy).or_warn(warning)
}

/// What leaves a shorter gap or none, in a few words, and as a remedy.
fn instead(context: &Context<'_>) -> (String, String) {
    let short = context.short_grace_period();
    let surging = |strategy: &str| {
        (
            format!("a new version with {strategy}maxSurge 1: 0 s"),
            format!(
                "{NEW_VERSION}, with {strategy}maxSurge 1 and maxUnavailable 0; with terminationGracePeriodSeconds {short} in that change, \
                 the new version can be released again"
            ),
        )
    };
    match context.workload.rollout() {
        Rollout::OneByOne => (
            format!("a new version with terminationGracePeriodSeconds {short}: then {short} s"),
            format!(
                "{NEW_VERSION}, and with terminationGracePeriodSeconds {short}: a StatefulSet deletes an old Pod first in each update"
            ),
        ),
        Rollout::Recreate => surging("RollingUpdate, "),
        _ => surging(""),
    }
}
