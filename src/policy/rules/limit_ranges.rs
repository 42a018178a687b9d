//! The LimitRanges of the Namespace admit Pods that request nothing and have no limits, as modules do. See [`crate::policy::LimitRangeFacts`].

use serde_json::Value;

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
    let namespace = context.workload.object().pointer("/metadata/namespace").and_then(Value::as_str);
    violations(context.request.limit_ranges, &context.template, namespace)
}

/// The same as warnings, for a Pod that is about to be refused.
pub(in crate::policy) fn warn_of_limit_ranges(ranges: &[LimitRangeFacts], template: &Template<'_>) -> Vec<Warning> {
    violations(ranges, template, None).into_iter().map(Violation::into_warning).collect()
}

/// `namespace`: that of the LimitRanges, where the object says it.
fn violations(ranges: &[LimitRangeFacts], template: &Template<'_>, namespace: Option<&str>) -> Vec<Violation> {
    let of_namespace = namespace.map_or_else(String::new, |namespace| format!(" of Namespace {namespace}"));
    let unmet = ranges.iter().flat_map(|range| range.unmet(template));
    let requests = unmet.map(|unmet| without_request(&unmet, &of_namespace));
    let limits = ranges.iter().flat_map(|range| {
        let unlimited = range.unlimited(template, ranges).into_iter();
        unlimited.filter_map(|resource| without_limit(range.name(), &of_namespace, resource, template))
    });
    requests.chain(limits).collect()
}

fn without_request(unmet: &Unmet<'_, '_>, of_namespace: &str) -> Violation {
    let field = unmet.container.path().fields(&["resources", "requests"]).key(unmet.resource);
    let remedy = format!(
        "remove {} from {} in LimitRange {}{of_namespace}; the manifest needs no change",
        unmet.resource, unmet.fields, unmet.limit_range
    );
    let problem = format!("{unmet}, so the API server refuses every Pod that requests none, as modules do");
    let warning = format!(
        "modules request no {0}: remove it from {1} in LimitRange {2}",
        unmet.resource, unmet.fields, unmet.limit_range
    );
    Violation::invalid(field, problem, remedy).or_warn(warning)
}

fn without_limit(limit_range: &str, of_namespace: &str, resource: &str, template: &Template<'_>) -> Option<Violation> {
    let container = template.containers().into_iter().next()?;
    let field = container.path().fields(&["resources", "limits"]).key(resource);
    let problem = format!(
        "LimitRange {limit_range} of the Namespace demands a limit of {resource} (max of type Pod), so the API server refuses every \
         Pod that has none"
    );
    let remedy = format!(
        "set it to \"0\", or add an item of type Container with a default for {resource} to LimitRange \
         {limit_range}{of_namespace}"
    );
    let warning =
        format!("LimitRange {limit_range} demands a limit of {resource}: set resources.limits.{resource} to \"0\"");
    Some(Violation::required(field, problem, remedy).or_warn(warning))
}
