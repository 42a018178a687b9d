//! Tolerations of the vnodes' own taints do not end. When one ends, the module is uninstalled.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "toleration-seconds",
    severity: Severity::Warn,
    broken_when: "a toleration of the vnodes' own taints has `tolerationSeconds`",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let list = context.template.tolerations_path();
    let tolerations = context.template.tolerations().into_iter().enumerate();
    tolerations
        .filter(|(_, toleration)| [keys::TAINT_VIRTUAL_NODE, keys::TAINT_NODE_ENV].contains(&toleration.key()))
        .filter_map(|(index, toleration)| {
            let (key, seconds) = (toleration.key(), toleration.seconds()?);
            let problem = format!("toleration of {key} ends after {seconds} s: the module is then uninstalled");
            let field = list.index(index).field("tolerationSeconds");
            Some(Violation::invalid(field, problem, "remove the seconds"))
        })
        .collect()
}
