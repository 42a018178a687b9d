//! Node affinity and pod anti-affinity of a template, by the rules of Kubernetes.

use serde_json::Value;

use super::FieldPath;
use crate::vocabulary as keys;

/// One term of a required node affinity. Terms are ORed, the requirements inside a term are ANDed, and an empty term
/// matches no node.
#[derive(Debug, Clone)]
pub struct NodeTerm<'a> {
    value: &'a Value,
    path: FieldPath,
}

/// One requirement on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement<'a> {
    /// The label's key.
    pub key: &'a str,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
    pub operator: &'a str,
    /// The operator's values.
    pub values: Vec<&'a str>,
    /// Its path.
    pub path: FieldPath,
}

/// One term of a required pod anti-affinity.
#[derive(Debug, Clone, Copy)]
pub struct AntiAffinityTerm<'a>(&'a Value);

pub(super) fn node_terms<'a>(object: &'a Value, path: &FieldPath) -> Option<Vec<NodeTerm<'a>>> {
    let required = path.get(object)?.as_object()?;
    let path = path.field("nodeSelectorTerms");
    let terms = required.get("nodeSelectorTerms").and_then(Value::as_array);
    let term = |(index, value)| NodeTerm { value, path: path.index(index) };
    Some(terms.into_iter().flatten().enumerate().map(term).collect())
}

pub(super) fn anti_affinity_terms<'a>(object: &'a Value, path: &FieldPath) -> Vec<AntiAffinityTerm<'a>> {
    let terms = path.get(object).and_then(Value::as_array);
    terms.into_iter().flatten().map(AntiAffinityTerm).collect()
}

impl<'a> NodeTerm<'a> {
    /// The path of the requirements on labels.
    pub fn expressions_path(&self) -> FieldPath {
        self.path.field("matchExpressions")
    }

    /// The path of the term.
    pub fn path(&self) -> &FieldPath {
        &self.path
    }

    /// The requirements on labels.
    pub fn expressions(&self) -> Vec<Requirement<'a>> {
        requirements(self.value.get("matchExpressions"), &self.expressions_path())
    }

    /// Whether the term demands nothing. Such a term matches no node, and adding a requirement would make it match some.
    pub fn is_empty(&self) -> bool {
        self.expressions().is_empty() && self.fields().is_empty()
    }

    /// Whether the term names its nodes by `metadata.name`, as the DaemonSet controller does on its Pods. One that only excludes
    /// nodes does not.
    pub fn names_nodes(&self) -> bool {
        self.fields().iter().any(|field| field.key == "metadata.name" && field.operator == "In")
    }

    /// Whether the term demands certain values of label `key`.
    pub fn demands_values_of(&self, key: &str) -> bool {
        self.expressions().iter().any(|expression| expression.key == key && expression.operator == "In")
    }

    /// The requirements on fields of the node. The API has one such field, `metadata.name`.
    pub fn fields(&self) -> Vec<Requirement<'a>> {
        requirements(self.value.get("matchFields"), &self.path.field("matchFields"))
    }
}

impl<'a> AntiAffinityTerm<'a> {
    /// The raw term.
    pub fn value(self) -> &'a Value {
        self.0
    }

    /// The topology in which Pods are kept apart.
    pub fn topology(self) -> &'a str {
        self.0.get("topologyKey").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether this keeps any two Pods in `namespace` that have `labels` off one host, such as the Pods of one workload.
    pub fn keeps_apart_within(self, namespace: &str, labels: &[(&str, &str)]) -> bool {
        let list = self.0.get("namespaces").and_then(Value::as_array);
        let names = |list: &Vec<Value>| list.iter().any(|name| name.as_str() == Some(namespace));
        let is_unset = |field| self.0.get(field).is_none_or(Value::is_null);
        let own_by_default = list.is_none_or(Vec::is_empty) && is_unset("namespaceSelector");
        (own_by_default || list.is_some_and(names) || self.reaches_every_namespace()) && self.keeps_off_one_host(labels)
    }

    fn reaches_every_namespace(self) -> bool {
        let selector = self.0.get("namespaceSelector").and_then(Value::as_object);
        selector.is_some_and(|selector| selector.values().all(is_nothing))
    }

    fn keeps_off_one_host(self, labels: &[(&str, &str)]) -> bool {
        let held_alike = |keys: Option<&Value>| {
            let keys = keys.and_then(Value::as_array);
            keys.into_iter().flatten().all(|key| labels.iter().any(|(label, _)| key.as_str() == Some(label)))
        };
        self.topology() == keys::HOSTNAME
            && self.selects(labels)
            && held_alike(self.0.get("matchLabelKeys"))
            && self.0.get("mismatchLabelKeys").is_none_or(is_nothing)
    }

    /// Whether the selector holds for every Pod with `labels`.
    fn selects(self, labels: &[(&str, &str)]) -> bool {
        let Some(selector) = self.0.get("labelSelector").filter(|selector| !selector.is_null()) else {
            return false;
        };
        let of = |key: &str| labels.iter().find(|(label, _)| *label == key).map(|(_, value)| *value);
        let exact = selector.get("matchLabels").and_then(Value::as_object);
        exact.into_iter().flatten().all(|(key, value)| of(key).is_some() && of(key) == value.as_str())
            && requirements(selector.get("matchExpressions"), &FieldPath::root()).iter().all(|requirement| {
                match (requirement.operator, of(requirement.key)) {
                    ("In", Some(value)) => requirement.values.contains(&value),
                    ("NotIn", Some(value)) => !requirement.values.contains(&value),
                    ("Exists", Some(_)) => true,
                    _ => false,
                }
            })
    }
}

impl Requirement<'_> {
    /// Whether it is exactly `key In [value]`.
    pub fn is(&self, key: &str, value: &str) -> bool {
        self.key == key && self.operator == "In" && self.values == [value]
    }

    /// Whether a node must have the label to meet this.
    pub fn demands_the_key(&self) -> bool {
        matches!(self.operator, "In" | "Exists" | "Gt" | "Lt")
    }
}

/// Whether a label selector matches only objects that have `key`.
pub(super) fn demands_label(selector: &Value, key: &str) -> bool {
    let exact = selector.get("matchLabels").and_then(|labels| labels.get(key)).is_some_and(|value| !value.is_null());
    let requirements = requirements(selector.get("matchExpressions"), &FieldPath::root());
    exact || requirements.iter().any(|requirement| requirement.key == key && requirement.demands_the_key())
}

fn requirements<'a>(list: Option<&'a Value>, path: &FieldPath) -> Vec<Requirement<'a>> {
    let list = list.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .enumerate()
        .map(|(index, value)| {
            let text = |field| value.get(field).and_then(Value::as_str).unwrap_or_default();
            let values = value.get("values").and_then(Value::as_array);
            Requirement {
                key: text("key"),
                operator: text("operator"),
                values: values.into_iter().flatten().filter_map(Value::as_str).collect(),
                path: path.index(index),
            }
        })
        .collect()
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const LABELS: [(&str, &str); 2] = [(keys::MODULE_NAME, "biz1"), (keys::MODULE_VERSION, "1")];

    fn term(selector: Value) -> Value {
        json!({"topologyKey": "kubernetes.io/hostname", "namespaceSelector": {}, "labelSelector": selector})
    }

    #[rstest]
    #[case::all(json!({}), true)]
    #[case::none(Value::Null, false)]
    #[case::name(json!({"matchLabels": {"module.koupleless.io/name": "biz1"}}), true)]
    #[case::other(json!({"matchLabels": {"module.koupleless.io/name": "biz2"}}), false)]
    #[case::more(json!({"matchLabels": {"module.koupleless.io/name": "biz1", "app": "a"}}), false)]
    #[case::is_in(json!({"matchExpressions": [{"key": "module.koupleless.io/version", "operator": "In", "values": ["1", "2"]}]}), true)]
    #[case::absent(json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), false)]
    fn a_term_keeps_apart_what_its_selector_surely_matches(#[case] selector: Value, #[case] keeps: bool) {
        let term = term(selector);
        assert_eq!(AntiAffinityTerm(&term).keeps_apart_within("shop", &LABELS), keeps, "{term}");
    }

    #[rstest]
    #[case::zone("topologyKey", json!("topology.kubernetes.io/zone"))]
    #[case::some_namespaces("namespaceSelector", json!({"matchLabels": {"a": "b"}}))]
    #[case::other_keys("matchLabelKeys", json!(["pod-template-hash"]))]
    #[case::mismatch("mismatchLabelKeys", json!(["app"]))]
    fn a_term_that_is_narrower_does_not(#[case] field: &str, #[case] value: Value) {
        let mut term = term(json!({}));
        term[field] = value;
        assert!(!AntiAffinityTerm(&term).keeps_apart_within("shop", &LABELS), "{term}");
    }

    #[rstest]
    #[case::own_by_default(json!({}), true)]
    #[case::every(json!({"namespaceSelector": {}}), true)]
    #[case::named(json!({"namespaces": ["other", "shop"]}), true)]
    #[case::named_elsewhere(json!({"namespaces": ["other"]}), false)]
    #[case::selected(json!({"namespaceSelector": {"matchLabels": {"a": "b"}}}), false)]
    #[case::named_and_selected(json!({"namespaces": ["shop"], "namespaceSelector": {"matchLabels": {"a": "b"}}}), true)]
    fn a_term_reaches_the_pods_of_one_workload(#[case] reach: Value, #[case] keeps: bool) {
        let mut term = reach;
        term["topologyKey"] = json!("kubernetes.io/hostname");
        term["labelSelector"] = json!({"matchLabels": {"module.koupleless.io/name": "biz1"}});
        assert_eq!(AntiAffinityTerm(&term).keeps_apart_within("shop", &LABELS), keeps, "{term}");
    }
}
