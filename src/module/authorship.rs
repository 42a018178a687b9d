//! Who wrote a field: the user's own manifest, or somebody after it.
//!
//! A value that warden injected stays in the live object when the next `kubectl apply`, `set env` or `edit` sends only what
//! the user changed. To tell it from a value that stands in the user's manifest there are two witnesses: the annotation of
//! client-side apply, and the managed fields: Kubernetes notes them before mutating admission, so that what a webhook
//! injects has no manager. But whoever copies a whole template back, as `kubectl rollout undo` does, becomes the manager of
//! what was injected into it once; so only `Apply` entries prove that a value stands in a manifest.

use serde_json::Value;

use super::{FieldPath, Segment};
use crate::vocabulary as keys;

/// The witnesses of one object.
#[derive(Debug, Default)]
pub struct Authorship<'a> {
    last_applied: Option<Value>,
    applied_fields: Vec<&'a Value>,
    updated_fields: Vec<&'a Value>,
}

/// The manager under which `kubectl rollout undo` patches; kubectl's other commands have names of their own.
const UNDO: &str = "kubectl";

impl<'a> Authorship<'a> {
    /// The witnesses in `object`.
    pub fn of(object: &'a Value) -> Self {
        let metadata = FieldPath::root().field("metadata");
        let last_applied = metadata
            .field("annotations")
            .key(keys::LAST_APPLIED)
            .get(object)
            .and_then(Value::as_str)
            .and_then(|text| serde_json::from_str(text).ok());
        let managers = metadata.field("managedFields").get(object).and_then(Value::as_array);
        let fields_of = |operation: &str| {
            let entries = managers.into_iter().flatten();
            let of_operation =
                entries.filter(|entry| entry.get("operation").and_then(Value::as_str) == Some(operation));
            let by_users = of_operation.filter(|entry| entry.get("manager").and_then(Value::as_str) != Some(UNDO));
            by_users.filter_map(|entry| entry.get("fieldsV1")).collect()
        };
        Self { last_applied, applied_fields: fields_of("Apply"), updated_fields: fields_of("Update") }
    }

    /// Whether the field at `path` stands in the user's manifest.
    pub fn wrote(&self, path: &FieldPath) -> bool {
        self.last_applied(path).is_some() || owned(&self.applied_fields, path)
    }

    /// Whether somebody set the field at `path` who is not known to copy templates: a manifest's author, Helm, a client.
    pub fn set(&self, path: &FieldPath) -> bool {
        self.wrote(path) || owned(&self.updated_fields, path)
    }

    /// Whether the list at `path` of the user's manifest has `element` in it.
    pub fn wrote_element(&self, path: &FieldPath, element: &Value) -> bool {
        self.last_applied(path).and_then(Value::as_array).is_some_and(|list| list.contains(element))
    }

    fn last_applied(&self, path: &FieldPath) -> Option<&Value> {
        path.get(self.last_applied.as_ref()?)
    }
}

fn owned(fields: &[&Value], path: &FieldPath) -> bool {
    fields.iter().any(|fields| owns(fields, path.segments()))
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
        let object = json!({"metadata": {"annotations": {keys::LAST_APPLIED: manifest}}});
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
    fn an_update_sets_what_it_changes_unless_it_copies_a_template() {
        let fields = |key: &str| json!({"f:spec": {"f:template": {"f:metadata": {"f:labels": {key: {}}}}}});
        let object = json!({"metadata": {"managedFields": [
            {"manager": "helm", "operation": "Update", "fieldsV1": fields("f:a")},
            {"manager": "kubectl", "operation": "Update", "fieldsV1": fields("f:b")},
        ]}});
        let authorship = Authorship::of(&object);
        assert!(authorship.set(&label("a")));
        assert!(!authorship.set(&label("b")));
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
        let object = json!({"metadata": {"annotations": {keys::LAST_APPLIED: "{"}, "managedFields": 3}});
        assert!(!Authorship::of(&object).wrote(&label("a")));
    }
}
