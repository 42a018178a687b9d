//! The LimitRanges of the Namespace admit Pods that request nothing, as modules do. See [`crate::policy::LimitRangeFacts`].

use super::Context;
use crate::module::Template;
use crate::policy::rule::Scope;
use crate::policy::{LimitRangeFacts, Rule, Severity, Violation, Warning};

pub(super) const RULE: Rule = Rule {
    name: "limit-ranges",
    severity: Severity::Deny,
    broken_when: "a LimitRange of the Namespace demands a request of cpu, memory or ephemeral storage, by `min` or \
                  `maxLimitRequestRatio`, which modules do not have",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    // What LimitRanger adds to a Pod that opted out stays.
    if !context.is_injected() {
        return Vec::new();
    }
    violations(context.request.limit_ranges, &context.template)
}

/// The same as warnings, for a Pod that is about to be refused.
pub(in crate::policy) fn warn_of_limit_ranges(ranges: &[LimitRangeFacts], template: &Template<'_>) -> Vec<Warning> {
    violations(ranges, template).into_iter().map(Violation::into_warning).collect()
}

fn violations(ranges: &[LimitRangeFacts], template: &Template<'_>) -> Vec<Violation> {
    ranges
        .iter()
        .flat_map(|range| range.unmet(template))
        .map(|unmet| {
            let field = unmet.container.path().fields(&["resources", "requests"]).key(unmet.resource);
            let remedy = format!(
                "remove {} from {} in LimitRange {}; the manifest needs no change",
                unmet.resource, unmet.fields, unmet.limit_range
            );
            let problem = format!("{unmet}, so the API server refuses every Pod that requests none, as modules do");
            let warning = format!(
                "modules request no {0}: remove it from {1} in LimitRange {2}",
                unmet.resource, unmet.fields, unmet.limit_range
            );
            Violation::invalid(field, problem, remedy).or_warn(warning)
        })
        .collect()
}
