//! What the API server refuses of a native kind, offline: by its own schema, and by the few rules that no schema has.
//!
//! Only of modules: what is no module is none of warden's business. `--server` asks a cluster instead, about everything.

mod schema;
mod validation;

use serde_json::Value;

use crate::module::{Kind, Workload};
use crate::policy::Violation;

/// The version whose API server this is about: that of the schema.
const KUBERNETES: &str = "Kubernetes 1.36";

/// What the API server of this version refuses of `object`, which is a module of this kind. Its schema is known for the kinds
/// of Kubernetes itself only.
pub(super) fn check(kind: Kind, object: &Value) -> Vec<Violation> {
    let mut violations = validation::check(Workload::new(kind, object), is_native(kind));
    if is_native(kind) {
        add_untold(&mut violations, schema::check(kind, object));
    }
    violations
}

/// Adds those of `more` about whose field nothing is told yet: the first to speak knows it best.
pub(super) fn add_untold(told: &mut Vec<Violation>, more: Vec<Violation>) {
    let fields: Vec<String> = told.iter().map(|violation| violation.field.to_string()).collect();
    told.extend(more.into_iter().filter(|violation| !fields.contains(&violation.field.to_string())));
}

fn is_native(kind: Kind) -> bool {
    ["", "apps", "batch"].contains(&kind.group())
}
