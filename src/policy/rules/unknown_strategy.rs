//! The strategy label has a value that exists. With another one the replicas do not follow the bases.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "unknown-strategy",
    severity: Severity::Warn,
    broken_when: "the strategy label has another value than `peer`",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let metadata = context.workload.metadata();
    keys::STRATEGY
        .all()
        .into_iter()
        .filter_map(|key| Some((key, metadata.label(key).filter(|value| *value != keys::STRATEGY_PEER)?)))
        .map(|(key, value)| {
            let problem = format!("label {key}: {value:?} has no effect, the only value is {:?}", keys::STRATEGY_PEER);
            let remedy = format!("set it to {:?}, or remove the label", keys::STRATEGY_PEER);
            Violation::invalid(metadata.label_path(key), problem, remedy)
        })
        .collect()
}
