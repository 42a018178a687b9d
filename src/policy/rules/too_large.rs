//! A peer Deployment is small enough for the controller to keep it in memory.

use super::Context;
use crate::module::retained::RETAINED_LIMIT;
use crate::module::{FieldPath, UnmanagedReason};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "too-large",
    severity: Severity::Warn,
    broken_when: "labels, affinity, tolerations and containers of a peer Deployment take more than 64 KiB of memory",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    if context.workload.management().unmanaged_reason() != Some(UnmanagedReason::TooLarge) {
        return Vec::new();
    }
    let kib = RETAINED_LIMIT >> 10;
    let problem = format!("warden leaves the replicas to you: what it reads takes more than {kib} KiB of memory");
    let remedy = "use fewer or shorter labels, affinity terms, tolerations and containers";
    vec![Violation::invalid(FieldPath::root().fields(&["spec", "template"]), problem, remedy)]
}
