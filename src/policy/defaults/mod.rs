//! What warden fills in: one file per default, and one line in a list below.
//!
//! Every default adds only what is missing. The exception is [`peer_replicas`], which overwrites `spec.replicas`, because
//! warden keeps that number.

pub(super) mod anti_affinity;
mod base_affinity;
mod base_tolerations;
mod component_label;
mod identity_labels;
mod outage_tolerations;
mod peer_replicas;
pub(super) mod workload_labels;

use serde_json::Value;

use super::draft::Draft;
use super::{Policy, Request};
use crate::module::{FieldPath, Workload};

/// A default: looks at an object and returns what to change in it.
type FillIn = fn(&Context<'_>) -> Vec<Edit>;

/// The defaults of the pod template, in order. Later ones see what earlier ones added.
const OF_TEMPLATE: &[FillIn] = &[
    component_label::fill_in,
    identity_labels::fill_in,
    base_affinity::fill_in,
    base_tolerations::fill_in,
    outage_tolerations::fill_in,
    anti_affinity::fill_in,
];

/// The defaults of the workload itself, in order. They start no rollout. They come after those of the template, because bases
/// are counted for the template as it is stored.
const OF_WORKLOAD: &[FillIn] = &[workload_labels::fill_in, peer_replicas::fill_in];

/// Fills in the pod template.
pub(super) fn fill_in_template(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    fill_in(OF_TEMPLATE, draft, request, policy);
}

/// Fills in the workload's own labels and its replicas.
pub(super) fn fill_in_workload(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    fill_in(OF_WORKLOAD, draft, request, policy);
}

/// What a default decides by.
struct Context<'a> {
    request: Request<'a>,
    policy: &'a Policy,
    workload: Workload<'a>,
}

/// One change to the draft.
enum Edit {
    /// Adds a value where there is none.
    Add(FieldPath, Value),
    /// Appends an element to a list.
    Append(FieldPath, Value),
    /// Removes a field.
    Remove(FieldPath),
    /// Adds or replaces a value.
    Set(FieldPath, Value),
    /// Tells the user something.
    Warn(String),
}

fn fill_in(defaults: &[FillIn], draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    for default in defaults {
        let edits = default(&Context { request, policy, workload: Workload::new(request.kind, draft.object()) });
        for edit in edits {
            match edit {
                Edit::Add(path, value) => draft.add(&path, value),
                Edit::Append(path, value) => draft.append(&path, value),
                Edit::Remove(path) => draft.remove(&path),
                Edit::Set(path, value) => draft.set(&path, value),
                Edit::Warn(text) => draft.warn(text),
            }
        }
    }
}
