//! What warden fills in: one file per default, and one line in a list below.
//!
//! Pods are completed when they are created. Workloads get only what their controllers need: a DaemonSet's template what decides on
//! which nodes it makes a Pod, a peer Deployment its replicas and the labels by which ModuleController finds it. Every default adds
//! only what is missing, but for those whose values are warden's own: [`identity_labels`], [`peer_replicas`].

mod anti_affinity;
mod base_affinity;
mod base_tolerations;
mod component_label;
mod grace_period;
mod identity_labels;
mod module_labels;
mod outage_tolerations;
mod peer_replicas;
mod unavailable_resources;
mod workload_labels;

use serde_json::{Value, json};

pub(super) use grace_period::{is_unset as is_grace_period_unset, of_pods as grace_period_of_pods};
pub(super) use unavailable_resources::UNAVAILABLE;
pub(super) use workload_labels::of_every_base_of_a_cluster;

use super::draft::Draft;
use super::{Placement, Policy, Request};
use crate::module::{FieldPath, Workload};
use crate::vocabulary as keys;

/// A default: looks at an object and returns what to change in it.
type FillIn = fn(&Context<'_>) -> Vec<Edit>;

/// The defaults of a Pod, in order. Later ones see what earlier ones added.
const OF_POD: &[FillIn] = &[
    component_label::fill_in,
    module_labels::fill_in,
    identity_labels::fill_in,
    // Before what is filled in makes the Pod look like one that runs as it was written.
    grace_period::fill_in,
    base_affinity::fill_in,
    base_tolerations::fill_in,
    outage_tolerations::fill_in,
    anti_affinity::fill_in,
    unavailable_resources::fill_in,
];

/// What every Pod gets, also one that opted out or is no module.
const OF_ANY_POD: &[FillIn] = &[identity_labels::fill_in];

/// What decides on which nodes a DaemonSet makes a Pod.
const OF_DAEMON_SET_TEMPLATE: &[FillIn] = &[base_affinity::fill_in, base_tolerations::fill_in];

/// Completes a Pod, or a template as its Pods will be completed.
pub(super) fn complete_pod(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    fill_in(OF_POD, draft, request, policy);
}

/// Sets the identity labels of a Pod, and removes any others.
pub(super) fn label_pod(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    fill_in(OF_ANY_POD, draft, request, policy);
}

/// Fills in the template of a DaemonSet by its placement annotation. Other templates, and one without it, stay as they are.
pub(super) fn derive_template_from_annotation(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    let workload = Workload::new(request.kind, draft.object());
    if request.kind.places_by_template() && Placement::of(&workload.template()).is_some() {
        fill_in(OF_DAEMON_SET_TEMPLATE, draft, request, policy);
    }
}

/// The template of a DaemonSet as it would be stored with this placement annotation.
pub(super) fn derive_template(draft: &mut Draft, request: Request<'_>, annotation: Option<&str>, policy: &Policy) {
    let path = Workload::new(request.kind, draft.object()).template().metadata().annotation_path(keys::PLACEMENT);
    match annotation {
        Some(annotation) => {
            draft.set(&path, json!(annotation));
            derive_template_from_annotation(draft, request, policy);
        }
        None => draft.remove(&path),
    }
}

/// Fills in the labels of a workload by which ModuleController finds it.
pub(super) fn label_workload(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    fill_in(&[workload_labels::fill_in], draft, request, policy);
}

/// Sets the replicas of a peer Deployment.
pub(super) fn set_replicas(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    fill_in(&[peer_replicas::fill_in], draft, request, policy);
}

/// What a default decides by.
struct Context<'a> {
    request: Request<'a>,
    policy: &'a Policy,
    workload: Workload<'a>,
}

impl Context<'_> {
    /// What the Pods are placed by, as far as their spec does not say it.
    fn placement(&self) -> Placement {
        Placement::of_pods(self.workload, self.request.namespace, self.policy)
    }

    /// Whether the Namespace allows its Pods this toleration. The API server would refuse a Pod with another one.
    fn allows(&self, toleration: &Value) -> bool {
        self.request.namespace.is_none_or(|namespace| namespace.allows(toleration))
    }
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
