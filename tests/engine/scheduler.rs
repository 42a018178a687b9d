//! Which nodes a Pod may go to by their labels, as the Kubernetes documentation says it: an opinion of its own, which shares
//! no code with the engine.

use std::collections::BTreeMap;

use serde_json::Value;

/// The labels of a node.
pub(crate) type Labels = BTreeMap<String, String>;

/// Whether `spec` lets its Pod onto a node called `name` with `labels`, taints aside.
pub(crate) fn lets_onto(spec: &Value, name: &str, labels: &Labels) -> bool {
    let selector = spec["nodeSelector"].as_object();
    let selected = selector.into_iter().flatten().filter(|(_, value)| !value.is_null());
    let by_selector = selected.into_iter().all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    by_selector
        && (required.is_null() || list(&required["nodeSelectorTerms"]).any(|term| term_matches(term, name, labels)))
}

/// A term holds when all in it does; one with nothing in it matches no node.
fn term_matches(term: &Value, name: &str, labels: &Labels) -> bool {
    let mut demands = list(&term["matchExpressions"]).chain(list(&term["matchFields"])).peekable();
    demands.peek().is_some()
        && list(&term["matchExpressions"]).all(|demand| holds(demand, |key| labels.get(key).map(String::as_str)))
        && list(&term["matchFields"]).all(|demand| holds(demand, |key| (key == "metadata.name").then_some(name)))
}

fn holds<'a>(demand: &'a Value, of: impl Fn(&'a str) -> Option<&'a str>) -> bool {
    let values: Vec<_> = list(&demand["values"]).filter_map(Value::as_str).collect();
    let label = of(demand["key"].as_str().unwrap_or_default());
    let than = || Some((label?.parse::<i64>().ok()?, values.first()?.parse::<i64>().ok()?));
    match demand["operator"].as_str().unwrap_or_default() {
        "In" => label.is_some_and(|label| values.contains(&label)),
        "NotIn" => label.is_none_or(|label| !values.contains(&label)),
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        "Gt" => than().is_some_and(|(label, value)| label > value),
        "Lt" => than().is_some_and(|(label, value)| label < value),
        _ => false,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().into_iter().flatten()
}
