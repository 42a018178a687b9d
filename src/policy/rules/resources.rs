//! A module requests only what vnodes offer. Otherwise its Pod is never scheduled.

use std::collections::BTreeMap;

use super::Context;
use crate::module::Container;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "resources",
    severity: Severity::Warn,
    broken_when: "a container requests cpu, ephemeral storage or an extended resource",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

/// The one resource that vnodes can have: the metaspace of a base whose JVM limits it.
const OFFERED: &str = "memory";

fn check(context: &Context<'_>) -> Vec<Violation> {
    let containers = context.template.containers();
    let mut first_that_requests: BTreeMap<&str, &Container<'_>> = BTreeMap::new();
    for container in &containers {
        for resource in container.requested_resources().into_iter().filter(|resource| *resource != OFFERED) {
            first_that_requests.entry(resource).or_insert(container);
        }
    }
    first_that_requests
        .into_iter()
        .map(|(resource, container)| {
            let name = container.name();
            let problem = format!("container {name} requests {resource}, which no base offers: it is never scheduled");
            let remedy = format!("remove {resource} from requests and limits");
            Violation::invalid(container.path().field("resources"), problem, remedy)
        })
        .collect()
}
