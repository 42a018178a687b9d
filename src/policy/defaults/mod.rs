//! What is filled in, one file each. Every default adds only where nothing of the kind stands yet; the one of peer replicas
//! overwrites what the user wrote, for the number is not the user's.

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

/// Fills in the pod template; later defaults see what earlier ones added.
pub(super) fn fill_in_template(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    let defaults = [
        component_label::fill_in,
        identity_labels::fill_in,
        base_affinity::fill_in,
        base_tolerations::fill_in,
        outage_tolerations::fill_in,
        anti_affinity::fill_in,
    ];
    for fill_in in defaults {
        fill_in_one(draft, request, policy, fill_in);
    }
}

/// Fills in the workload's own labels and its replicas, which starts no rollout; the bases are counted for the template as
/// it was filled in.
pub(super) fn fill_in_workload(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    fill_in_one(draft, request, policy, workload_labels::fill_in);
    fill_in_one(draft, request, policy, peer_replicas::fill_in);
}

/// What a default may look at.
struct Scene<'a> {
    request: Request<'a>,
    policy: &'a Policy,
    workload: Workload<'a>,
}

/// One thing to do to the draft.
enum Step {
    Add(FieldPath, Value),
    Append(FieldPath, Value),
    Remove(FieldPath),
    Set(FieldPath, Value),
    Warn(String),
}

fn fill_in_one(draft: &mut Draft, request: Request<'_>, policy: &Policy, fill_in: fn(&Scene<'_>) -> Vec<Step>) {
    let steps = fill_in(&Scene { request, policy, workload: Workload::new(request.kind, draft.object()) });
    for step in steps {
        match step {
            Step::Add(path, value) => draft.add(&path, value),
            Step::Append(path, value) => draft.append(&path, value),
            Step::Remove(path) => draft.remove(&path),
            Step::Set(path, value) => draft.set(&path, value),
            Step::Warn(text) => draft.warn(text),
        }
    }
}
