//! A module requests only what vnodes offer. Otherwise its Pod is never scheduled.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "resources",
    severity: Severity::Warn,
    broken_when: "a container requests cpu or ephemeral storage",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let containers = context.template.containers();
    let first_that_requests = |resource| containers.iter().find(|container| container.asks_for(resource));
    ["cpu", "ephemeral-storage"]
        .into_iter()
        .filter_map(|resource| Some((first_that_requests(resource)?, resource)))
        .map(|(container, resource)| {
            let name = container.name();
            let problem = format!("container {name} requests {resource}, which no base offers: it is never scheduled");
            let remedy = format!("remove {resource} from requests and limits");
            Violation::invalid(container.path().field("resources"), problem, remedy)
        })
        .collect()
}
