//! What a LimitRange demands of the Pods of its Namespace, and modules do not have.
//!
//! The in-tree plugin LimitRanger refuses a Pod that requests less than `min`, and under `maxLimitRequestRatio` one whose request is
//! zero (`plugin/pkg/admission/limitranger`, `PodValidateLimitFunc`). Modules request zero, because a vnode offers nothing else.
//! Under `max` of type `Pod` the plugin also refuses a Pod none of whose containers has a limit. Zero is one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::defaults::UNAVAILABLE;
use crate::module::{Container, Template, is_above_zero};

/// What a LimitRange demands of the resources that modules do not request, and which limits it fills in. It is bounded in size,
/// whatever the LimitRange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRangeFacts {
    name: String,
    demands: BTreeSet<Demand>,
    /// The resources of which a Pod must have a limit.
    limited: BTreeSet<&'static str>,
    /// The resources of which a container gets a limit that has none.
    defaults: BTreeSet<&'static str>,
}

/// The spec of a LimitRange as far as it is read.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct LimitRangeSpec {
    #[serde(default)]
    limits: Vec<Item>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    r#type: String,
    min: Option<BTreeMap<String, Value>>,
    max: Option<BTreeMap<String, Value>>,
    default: Option<BTreeMap<String, Value>>,
    max_limit_request_ratio: Option<BTreeMap<String, Value>>,
}

/// A demand for more than zero of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Demand {
    resource: &'static str,
    scope: Scope,
    field: &'static str,
}

/// Of what the resource is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// Of every container.
    Container,
    /// Of all containers of a Pod together.
    Pod,
}

/// A resource that a LimitRange demands, and that the Pods of a template do not request.
pub(super) struct Unmet<'r, 't> {
    /// The name of the LimitRange.
    pub(super) limit_range: &'r str,
    /// The resource.
    pub(super) resource: &'static str,
    /// The fields of the LimitRange that demand it, as text.
    pub(super) fields: String,
    /// The first container that requests none.
    pub(super) container: Container<'t>,
}

impl LimitRangeFacts {
    /// The facts of the LimitRange `name`. None if it has nothing that matters to modules.
    pub fn of(name: &str, spec: &LimitRangeSpec) -> Option<Self> {
        let mut demands = BTreeSet::new();
        let (mut limited, mut defaults) = (BTreeSet::new(), BTreeSet::new());
        for item in &spec.limits {
            let scope = match item.r#type.as_str() {
                "Container" => Scope::Container,
                "Pod" => Scope::Pod,
                _ => continue,
            };
            for (field, amounts) in [("min", &item.min), ("maxLimitRequestRatio", &item.max_limit_request_ratio)] {
                let amounts = amounts.iter().flatten().filter(|(_, amount)| is_above_zero(amount));
                let known = amounts.filter_map(|(name, _)| UNAVAILABLE.into_iter().find(|resource| resource == name));
                demands.extend(known.map(|resource| Demand { resource, scope, field }));
            }
            let has = |amounts: &Option<BTreeMap<String, Value>>, resource: &str| {
                amounts.as_ref().is_some_and(|amounts| amounts.contains_key(resource))
            };
            match scope {
                Scope::Pod => limited.extend(UNAVAILABLE.into_iter().filter(|resource| has(&item.max, resource))),
                // The API server takes `max` for the default where there is none, but not in a file.
                Scope::Container => {
                    let is_default = |resource: &&str| has(&item.default, resource) || has(&item.max, resource);
                    defaults.extend(UNAVAILABLE.into_iter().filter(is_default));
                }
            }
        }
        let matters = !(demands.is_empty() && limited.is_empty() && defaults.is_empty());
        matters.then(|| Self { name: name.to_owned(), demands, limited, defaults })
    }

    /// The name of the LimitRange.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The resources of which the Pods of `template` must have a limit and have none, in a Namespace with the LimitRanges `all`.
    pub(super) fn unlimited(&self, template: &Template<'_>, all: &[Self]) -> Vec<&'static str> {
        let containers = [template.containers(), template.init_containers()].concat();
        let is_limited = |resource: &str| {
            all.iter().any(|range| range.defaults.contains(resource))
                || containers.iter().any(|container| container.has_limit(resource))
        };
        self.limited.iter().copied().filter(|resource| !is_limited(resource)).collect()
    }

    /// What of this the Pods of `template` do not meet, one for each resource.
    pub(super) fn unmet<'r, 't>(&'r self, template: &Template<'t>) -> Vec<Unmet<'r, 't>> {
        let of_resource = |resource: &'static str| {
            let silent = |container: &Container<'_>| !container.requested_resources().contains(resource);
            let (mut without, with): (Vec<_>, Vec<_>) = template.containers().into_iter().partition(silent);
            let is_unmet = |demand: &&Demand| match demand.scope {
                Scope::Container => true,
                Scope::Pod => with.is_empty(),
            };
            let unmet = self.demands.iter().filter(|demand| demand.resource == resource).filter(is_unmet);
            let fields: BTreeSet<_> = unmet.map(|demand| demand.field).collect();
            let is_met = without.is_empty() || fields.is_empty();
            (!is_met).then(|| Unmet {
                limit_range: &self.name,
                resource,
                fields: Vec::from_iter(fields).join(" and "),
                container: without.swap_remove(0),
            })
        };
        UNAVAILABLE.into_iter().filter_map(of_resource).collect()
    }
}

/// Why the API server refuses the Pods, without a full stop.
impl fmt::Display for Unmet<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit_range, resource, fields, .. } = self;
        write!(f, "LimitRange {limit_range} of the Namespace demands {resource} ({fields})")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::module::{Kind, Workload};

    /// The resources, each with the fields that demand it, which a Pod with these requests of its containers does not meet.
    fn unmet(limits: Value, requests: &[Value]) -> Vec<(&'static str, String)> {
        let Some(facts) = LimitRangeFacts::of("a", &serde_json::from_value(json!({"limits": limits})).unwrap()) else {
            return Vec::new();
        };
        let containers: Value = requests.iter().map(|it| json!({"resources": {"requests": it}})).collect();
        let pod = json!({"spec": {"containers": containers}});
        let template = Workload::new(Kind::Pod, &pod).template();
        facts.unmet(&template).into_iter().map(|unmet| (unmet.resource, unmet.fields)).collect()
    }

    #[rstest]
    #[case::min(json!([{"type": "Container", "min": {"cpu": "100m", "memory": 1}}]), &[("cpu", "min"), ("memory", "min")])]
    #[case::of_the_pod(json!([{"type": "Pod", "min": {"ephemeral-storage": "1Gi"}}]), &[("ephemeral-storage", "min")])]
    #[case::ratio(json!([{"type": "Container", "maxLimitRequestRatio": {"cpu": "4"}}]), &[("cpu", "maxLimitRequestRatio")])]
    #[case::both(
        json!([{"type": "Container", "min": {"cpu": 1}}, {"type": "Pod", "maxLimitRequestRatio": {"cpu": "4"}}]),
        &[("cpu", "maxLimitRequestRatio and min")],
    )]
    #[case::of_zero(json!([{"type": "Container", "min": {"cpu": "0"}}]), &[])]
    #[case::a_limit(json!([{"type": "Pod", "max": {"cpu": 1}}]), &[])]
    #[case::only_defaults(json!([{"type": "Container", "max": {"cpu": 1}, "default": {"cpu": 1}, "defaultRequest": {"cpu": 1}}]), &[])]
    #[case::of_claims(json!([{"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}}]), &[])]
    #[case::of_another_resource(json!([{"type": "Container", "min": {"nvidia.com/gpu": 1}}]), &[])]
    fn a_module_that_requests_nothing_does_not_meet(#[case] limits: Value, #[case] expected: &[(&'static str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(resource, fields)| (*resource, (*fields).to_owned())).collect();
        assert_eq!(unmet(limits, &[json!({"cpu": "0"})]), expected);
    }

    #[rstest]
    #[case::every_container("Container", &[json!({"memory": 1}), json!({})], true)]
    #[case::any_container("Pod", &[json!({"memory": 1}), json!({})], false)]
    #[case::all("Container", &[json!({"memory": 1}), json!({"memory": 1})], false)]
    fn of_several_containers_it_counts_who_must_request(
        #[case] scope: &str,
        #[case] requests: &[Value],
        #[case] is_unmet: bool,
    ) {
        assert_eq!(unmet(json!([{"type": scope, "min": {"memory": 1}}]), requests).len(), usize::from(is_unmet));
    }
}
