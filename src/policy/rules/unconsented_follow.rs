//! A workload in another namespace consents to be followed. Without its consent the replicas stay as they are.

use super::Context;
use crate::module::Follow;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "unconsented-follow",
    severity: Severity::Warn,
    broken_when: "a peer Deployment follows a workload in another namespace that does not exist or does not consent",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

/// The same in both cases: that a workload exists is not for every namespace to know.
fn check(context: &Context<'_>) -> Vec<Violation> {
    let metadata = context.workload.metadata();
    let refuses = || {
        let from = context.workload.object().pointer("/metadata/namespace")?.as_str()?;
        let workload = Follow::parse(metadata.annotation(keys::FOLLOW)?, from).ok()?;
        let is_elsewhere = context.workload.is_peer() && workload.namespace != from;
        let may_follow = || context.request.peers?.may_follow(&workload, from);
        Some(is_elsewhere && may_follow() == Some(false))
    };
    if refuses() != Some(true) {
        return Vec::new();
    }
    let problem = format!("what it follows does not exist, or does not consent by {}", keys::FOLLOWERS);
    let remedy = "ask its owner to write that annotation onto it or its Namespace";
    vec![Violation::invalid(metadata.annotation_path(keys::FOLLOW), problem, remedy)]
}
