//! Whether the fields that warden reads have the JSON types that Kubernetes gives them.
//!
//! The API server checks the types before it calls the webhook. `warden review` reads files that were not checked before.

use serde_json::Value;

use super::{FieldPath, Kind, Segment};

/// A field of the wrong JSON type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshapen {
    /// Its path.
    pub field: FieldPath,
    /// The type it must have, in words (`"a string"`).
    pub expected: &'static str,
    /// The type it has, in words (`"a number"`).
    pub found: &'static str,
}

enum Shape {
    Text,
    Integer,
    Boolean,
    TextMap,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
}

const REQUIREMENTS: Shape = Shape::List(&Shape::Object(&[
    ("key", Shape::Text),
    ("operator", Shape::Text),
    ("values", Shape::List(&Shape::Text)),
]));
const SELECTOR: Shape = Shape::Object(&[("matchLabels", Shape::TextMap), ("matchExpressions", REQUIREMENTS)]);
const METADATA: Shape = Shape::Object(&[
    ("name", Shape::Text),
    ("namespace", Shape::Text),
    ("labels", Shape::TextMap),
    ("annotations", Shape::TextMap),
    ("ownerReferences", Shape::List(&Shape::Object(&[("controller", Shape::Boolean), ("kind", Shape::Text)]))),
]);
const CONTAINERS: Shape = Shape::List(&Shape::Object(&[
    ("name", Shape::Text),
    ("image", Shape::Text),
    (
        "env",
        Shape::List(&Shape::Object(&[
            ("name", Shape::Text),
            ("value", Shape::Text),
            ("valueFrom", Shape::Object(&[])),
        ])),
    ),
    ("resources", Shape::Object(&[("requests", Shape::Object(&[])), ("limits", Shape::Object(&[]))])),
]));
const TOLERATIONS: Shape = Shape::List(&Shape::Object(&[
    ("key", Shape::Text),
    ("operator", Shape::Text),
    ("value", Shape::Text),
    ("effect", Shape::Text),
    ("tolerationSeconds", Shape::Integer),
]));
const REQUIRED_NODES: Shape = Shape::Object(&[(
    "nodeSelectorTerms",
    Shape::List(&Shape::Object(&[("matchExpressions", REQUIREMENTS), ("matchFields", REQUIREMENTS)])),
)]);
const REQUIRED_PODS: Shape = Shape::List(&Shape::Object(&[
    ("topologyKey", Shape::Text),
    ("labelSelector", SELECTOR),
    ("namespaceSelector", SELECTOR),
    ("namespaces", Shape::List(&Shape::Text)),
    ("matchLabelKeys", Shape::List(&Shape::Text)),
    ("mismatchLabelKeys", Shape::List(&Shape::Text)),
]));
const POD_SPEC: Shape = Shape::Object(&[
    ("nodeName", Shape::Text),
    ("terminationGracePeriodSeconds", Shape::Integer),
    ("nodeSelector", Shape::TextMap),
    ("containers", CONTAINERS),
    ("tolerations", TOLERATIONS),
    (
        "affinity",
        Shape::Object(&[
            ("nodeAffinity", Shape::Object(&[("requiredDuringSchedulingIgnoredDuringExecution", REQUIRED_NODES)])),
            ("podAntiAffinity", Shape::Object(&[("requiredDuringSchedulingIgnoredDuringExecution", REQUIRED_PODS)])),
        ]),
    ),
]);
const TEMPLATE: Shape = Shape::Object(&[("metadata", METADATA), ("spec", POD_SPEC)]);

/// Every field of `object` that has the wrong JSON type, among those that warden reads.
pub fn check(kind: Kind, object: &Value) -> Vec<Misshapen> {
    let mut found = Vec::new();
    let mut at = object;
    let mut path = FieldPath::root();
    METADATA.check_member(object, &path, "metadata", &mut found);
    for segment in kind.template_path().segments() {
        let Segment::Field(name) = segment else { continue };
        path = path.field(name);
        let Some(inner) = at.get(*name).filter(|inner| !inner.is_null()) else {
            return found;
        };
        if !inner.is_object() {
            Shape::Object(&[]).check(inner, &path, &mut found);
            return found;
        }
        at = inner;
    }
    if path.segments().is_empty() {
        POD_SPEC.check_member(object, &path, "spec", &mut found);
    } else {
        TEMPLATE.check(at, &path, &mut found);
    }
    found
}

impl Shape {
    /// Null counts as absent, as it does for the API server.
    fn check_member(&self, object: &Value, path: &FieldPath, name: &'static str, found: &mut Vec<Misshapen>) {
        if let Some(value) = object.get(name).filter(|value| !value.is_null()) {
            self.check(value, &path.field(name), found);
        }
    }

    fn check(&self, value: &Value, path: &FieldPath, found: &mut Vec<Misshapen>) {
        match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Boolean, Value::Bool(_)) => {}
            (Self::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
            (Self::TextMap, Value::Object(map)) => {
                for (key, value) in map {
                    // The API server drops a null in a map of strings.
                    if !value.is_null() {
                        Self::Text.check(value, &path.key(key), found);
                    }
                }
            }
            (Self::List(element), Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    element.check(value, &path.index(index), found);
                }
            }
            (Self::Object(members), Value::Object(_)) => {
                for (name, shape) in *members {
                    shape.check_member(value, path, name, found);
                }
            }
            (expected, value) => {
                found.push(Misshapen { field: path.clone(), expected: expected.in_words(), found: in_words(value) })
            }
        }
    }

    fn in_words(&self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "a whole number",
            Self::Boolean => "true or false",
            Self::TextMap => "a map of strings",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The JSON type of `value` in words (`"a number"`).
pub fn in_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unquoted_version_is_found() {
        let object = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "biz1", "env": [{"name": "BIZ_VERSION", "value": 1.0}]},
        ]}}}});
        let found = check(Kind::Deployment, &object);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].field.to_string(), "spec.template.spec.containers[0].env[0].value");
        assert_eq!((found[0].expected, found[0].found), ("a string", "a number"));
    }

    #[test]
    fn every_misshapen_field_is_named() {
        let object = json!({"metadata": {"labels": []}, "spec": {"tolerations": {}, "affinity": null, "nodeSelector": {"a": 1}}});
        let fields: Vec<_> = check(Kind::Pod, &object).iter().map(|m| m.field.to_string()).collect();
        assert_eq!(fields, ["metadata.labels", "spec.nodeSelector[a]", "spec.tolerations"]);
    }

    #[test]
    fn a_template_that_is_no_object_is_found() {
        let found = check(Kind::CronJob, &json!({"spec": {"jobTemplate": 3}}));
        assert_eq!(found[0].field.to_string(), "spec.jobTemplate");
    }
}
