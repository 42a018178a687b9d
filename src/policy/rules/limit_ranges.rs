//! The LimitRanges of the Namespace admit Pods that request nothing and have no limits, as modules do. See [`crate::policy::LimitRangeFacts`].

use super::Context;
use crate::module::Template;
use crate::policy::limit_range::Unmet;
use crate::policy::rule::Scope;
use crate::policy::{LimitRangeFacts, Rule, Severity, Violation, Warning};

pub(super) const RULE: Rule = Rule {
    name: "limit-ranges",
    severity: Severity::Deny,
    broken_when: "a LimitRange of the Namespace demands of cpu, memory or ephemeral storage a request, by `min` or \
                  `maxLimitRequestRatio`, or a limit, by `max` of type Pod, which modules do not have",
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
    let without_request = ranges.iter().flat_map(|range| range.unmet(template)).map(|unmet| without_request(&unmet));
    let without_limit = ranges.iter().flat_map(|range| {
        let unlimited = range.unlimited(template, ranges);
        unlimited.into_iter().filter_map(|resource| without_limit(range.name(), resource, template))
    });
    without_request.chain(without_limit).collect()
}

fn without_request(unmet: &Unmet<'_, '_>) -> Violation {
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
}

fn without_limit(limit_range: &str, resource: &str, template: &Template<'_>) -> Option<Violation> {
    let container = template.containers().into_iter().next()?;
    let field = container.path().fields(&["resources", "limits"]).key(resource);
    let problem = format!(
        "LimitRange {limit_range} of the Namespace demands a limit of {resource} (max of type Pod), so the API server refuses every \
         Pod that has none"
    );
    let remedy = format!(
        "set it to \"0\", or add an item of type Container with a default for {resource} to LimitRange {limit_range}"
    );
    let warning =
        format!("LimitRange {limit_range} demands a limit of {resource}: set resources.limits.{resource} to \"0\"");
    Some(Violation::required(field, problem, remedy).or_warn(warning))
}
