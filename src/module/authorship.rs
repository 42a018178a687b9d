//! Who wrote a field: the user's own manifest, or somebody after it.
//!
//! A value that warden injected stays in the live object when the next `kubectl apply`, `set env` or `edit` sends only what
//! the user changed. To tell it from a value that stands in the user's manifest there are two witnesses: the annotation of
//! client-side apply, and the managed fields of server-side apply (`Apply` entries only: an `Update` entry is also left by
//! `kubectl rollout undo`, which copies what warden injected once).

use serde_json::Value;

use super::{FieldPath, Segment};
use crate::vocabulary as words;

/// The witnesses of one object.
#[derive(Debug, Default)]
pub struct Authorship<'a> {
    last_applied: Option<Value>,
    applied_fields: Vec<&'a Value>,
}

impl<'a> Authorship<'a> {
    /// The witnesses in `object`.
    pub fn of(object: &'a Value) -> Self {
        let metadata = FieldPath::root().field("metadata");
        let last_applied = metadata
            .field("annotations")
            .key(words::LAST_APPLIED)
            .get(object)
            .and_then(Value::as_str)
            .and_then(|text| serde_json::from_str(text).ok());
        let managers = metadata.field("managedFields").get(object).and_then(Value::as_array);
        let applied_fields = managers
            .into_iter()
            .flatten()
            .filter(|manager| manager.get("operation").and_then(Value::as_str) == Some("Apply"))
            .filter_map(|manager| manager.get("fieldsV1"))
            .collect();
        Self { last_applied, applied_fields }
    }

    /// Whether the field at `path` stands in the user's manifest.
    pub fn wrote(&self, path: &FieldPath) -> bool {
        self.last_applied(path).is_some() || self.applied(path)
    }

    /// Whether a server-side apply set the field at `path`.
    pub fn applied(&self, path: &FieldPath) -> bool {
        self.applied_fields.iter().any(|fields| owns(fields, path.segments()))
    }

    /// Whether the list at `path` of the user's manifest has `element` in it.
    pub fn wrote_element(&self, path: &FieldPath, element: &Value) -> bool {
        self.last_applied(path).and_then(Value::as_array).is_some_and(|list| list.contains(element))
    }

    fn last_applied(&self, path: &FieldPath) -> Option<&Value> {
        path.get(self.last_applied.as_ref()?)
    }
}

/// Whether a `fieldsV1` tree owns the field; a leaf owns everything below it (atomic lists and maps).
fn owns(fields: &Value, path: &[Segment]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    let Some(name) = first.name() else {
        return false;
    };
    let Some(inner) = fields.get(format!("f:{name}")) else {
        return false;
    };
    inner.as_object().is_some_and(serde_json::Map::is_empty) || owns(inner, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn label(key: &str) -> FieldPath {
        FieldPath::root().fields(&["spec", "template", "metadata", "labels"]).key(key)
    }

    #[test]
    fn client_side_apply_bears_witness() {
        let manifest = json!({"spec": {"template": {"metadata": {"labels": {"a": "1"}}}}}).to_string();
        let object = json!({"metadata": {"annotations": {words::LAST_APPLIED: manifest}}});
        let authorship = Authorship::of(&object);
        assert!(authorship.wrote(&label("a")));
        assert!(!authorship.wrote(&label("b")));
    }

    #[test]
    fn server_side_apply_bears_witness_and_updates_do_not() {
        let fields = |key: &str| json!({"f:spec": {"f:template": {"f:metadata": {"f:labels": {key: {}}}}}});
        let object = json!({"metadata": {"managedFields": [
            {"operation": "Apply", "fieldsV1": fields("f:a")},
            {"operation": "Update", "fieldsV1": fields("f:b")},
        ]}});
        let authorship = Authorship::of(&object);
        assert!(authorship.wrote(&label("a")));
        assert!(!authorship.wrote(&label("b")));
    }

    #[test]
    fn an_atomic_field_is_owned_with_all_inside() {
        let object = json!({"metadata": {"managedFields": [
            {"operation": "Apply", "fieldsV1": {"f:spec": {"f:tolerations": {}}}},
        ]}});
        let toleration = FieldPath::root().fields(&["spec", "tolerations"]).index(3);
        assert!(Authorship::of(&object).wrote(&toleration));
    }

    #[test]
    fn a_broken_annotation_is_no_witness() {
        let object = json!({"metadata": {"annotations": {words::LAST_APPLIED: "{"}, "managedFields": 3}});
        assert!(!Authorship::of(&object).wrote(&label("a")));
    }
}
