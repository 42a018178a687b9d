//! The fields of the native kinds and their types, as the API server publishes them.
//!
//! `kubernetes-1.36.json` is what `/openapi/v3` of Kubernetes 1.36.3 says about them, without descriptions. `WARDEN_BLESS=1 cargo
//! test --test scenarios review::schema` writes it anew from the API server of the testbed. A type is written as in Go: `[]` before
//! it is a list, `map[string]` an object with any keys.
//!
//! The walk over it is by hand: a validator of JSON Schema admits unknown fields and refuses null, the API server does neither, and
//! each message has to name a way out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::KUBERNETES;
use crate::module::{FieldPath, Kind, shape};
use crate::policy::Violation;

#[derive(Debug, Deserialize)]
struct Type {
    #[serde(borrow)]
    fields: BTreeMap<&'static str, &'static str>,
    /// What the API server refuses an object without. The published schema calls more fields required.
    #[serde(borrow, default)]
    required: Vec<&'static str>,
}

static TYPES: LazyLock<BTreeMap<&str, Type>> =
    LazyLock::new(|| serde_json::from_str(include_str!("kubernetes-1.36.json")).unwrap_or_default());

/// How similar a field that exists has to be, from 0 to 1, to be taken for the one that was meant.
const SIMILAR: f32 = 0.7;

/// What is unknown, missing or of another type in `object`.
pub(super) fn check(kind: Kind, object: &Value) -> Vec<Violation> {
    let mut violations = Vec::new();
    walk(kind.name(), object, &FieldPath::root(), &mut violations);
    violations
}

fn walk(type_name: &'static str, value: &Value, path: &FieldPath, violations: &mut Vec<Violation>) {
    // The API server takes null for an absent field.
    if value.is_null() {
        return;
    }
    let wrong = |expected: &str| {
        let found = shape::in_words(value);
        let is_unquoted = expected == "a string" && matches!(value, Value::Number(_) | Value::Bool(_));
        let is_quoted = expected != "a string" && value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
        let remedy = match expected {
            _ if is_unquoted => "put the value in quotes".to_owned(),
            _ if is_quoted => "remove the quotes".to_owned(),
            _ => format!("make it {expected}"),
        };
        Violation::type_invalid(path.clone(), format!("must be {expected}, and is {found}"), remedy)
    };
    if let Some(of) = type_name.strip_prefix("[]") {
        let Value::Array(items) = value else { return violations.push(wrong("a list")) };
        for (position, item) in items.iter().enumerate() {
            walk(of, item, &path.index(position), violations);
        }
    } else if let Some(of) = type_name.strip_prefix("map[string]") {
        let Value::Object(entries) = value else { return violations.push(wrong("an object")) };
        for (key, entry) in entries {
            walk(of, entry, &path.key(key), violations);
        }
    } else if let Some(kind) = TYPES.get(type_name) {
        let Value::Object(members) = value else { return violations.push(wrong("an object")) };
        for (name, member) in members {
            match kind.fields.get_key_value(name.as_str()) {
                Some((name, of)) => walk(of, member, &path.field(name), violations),
                None => violations.push(unknown(kind, path, name)),
            }
        }
        let is_missing = |name: &&&'static str| members.get(**name).is_none_or(Value::is_null);
        violations.extend(kind.required.iter().filter(is_missing).map(|name| {
            let problem = "this field is missing, and the API server requires it";
            Violation::required(path.field(name), problem, format!("add {name}"))
        }));
    } else if let Some(expected) = expected_scalar(type_name, value) {
        violations.push(wrong(expected));
    }
}

/// The type that `value` should have and has not.
fn expected_scalar(type_name: &str, value: &Value) -> Option<&'static str> {
    let (fits, expected) = match type_name {
        "string" => (value.is_string(), "a string"),
        "boolean" => (value.is_boolean(), "true or false"),
        "int32" => (value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()), "a whole number of 32 bits"),
        "int64" => (value.is_i64(), "a whole number"),
        "quantity" => (value.is_string() || value.is_number(), "a quantity"),
        "int-or-string" => (value.is_string() || value.is_i64(), "a whole number or a string"),
        _ => return None,
    };
    (!fits).then_some(expected)
}

fn unknown(kind: &Type, path: &FieldPath, name: &str) -> Violation {
    let known: Vec<&str> = kind.fields.keys().copied().collect();
    let remedy = match similar::get_close_matches(name, &known, 1, SIMILAR).first() {
        Some(meant) => format!("write {meant} if that is meant, else remove it"),
        None => "remove it, or indent it so that it is in the object that has this field".to_owned(),
    };
    Violation::invalid(path.key(name), format!("{KUBERNETES} has no such field"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_a_field_is_known() {
        assert!(TYPES.len() > 100, "{}", TYPES.len());
        let scalars = ["any", "boolean", "int32", "int64", "int-or-string", "quantity", "string"];
        for (name, kind) in TYPES.iter() {
            for (field, of) in &kind.fields {
                let of = of.trim_start_matches("[]").trim_start_matches("map[string]").trim_start_matches("[]");
                assert!(scalars.contains(&of) || TYPES.contains_key(of), "{name}.{field}: {of}");
            }
            for field in &kind.required {
                assert!(kind.fields.contains_key(field), "{name}.{field}");
            }
        }
    }
}
