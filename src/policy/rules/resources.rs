//! A module requests only what vnodes offer. Otherwise its Pod is never scheduled.

use std::collections::BTreeMap;

use super::Context;
use crate::module::Container;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "resources",
    severity: Severity::Warn,
    broken_when: "a container requests cpu, ephemeral storage or an extended resource, or memory where no base of the module has any",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

/// The one resource that vnodes can have: the metaspace of a base whose JVM limits it.
const MEMORY: &str = "memory";

fn check(context: &Context<'_>) -> Vec<Violation> {
    let containers = context.template.containers();
    let mut first_that_requests: BTreeMap<&str, &Container<'_>> = BTreeMap::new();
    for container in &containers {
        for resource in container.requested_resources() {
            first_that_requests.entry(resource).or_insert(container);
        }
    }
    let lack_memory = first_that_requests.contains_key(MEMORY) && lack_memory(context);
    first_that_requests
        .into_iter()
        .filter(|(resource, _)| *resource != MEMORY || lack_memory)
        .map(|(resource, container)| {
            let name = container.name();
            let (bases, instead) = match resource {
                MEMORY => ("none of its bases", ", or limit the metaspace of the bases (-XX:MaxMetaspaceSize)"),
                _ => ("no base", ""),
            };
            let problem = format!("container {name} requests {resource}, which {bases} offers: it is never scheduled");
            let remedy = format!("remove {resource} from requests and limits{instead}");
            Violation::invalid(container.path().field("resources"), problem, remedy)
        })
        .collect()
}

/// Whether there are bases for the module, and all of them are known to have no memory.
fn lack_memory(context: &Context<'_>) -> bool {
    let Some(bases) = context.request.peers else { return false };
    bases.offer_memory(&context.policy.pod_of(context.request, context.workload.object())) == Some(false)
}
