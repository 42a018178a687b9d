//! The grace period of modules whose authors set none, where the configuration has one (`gracePeriodSeconds`).
//!
//! ModuleController uninstalls a module at once when its Pod is deleted, and then waits for the grace period before the Pod is gone.
//! Until then nothing that must keep off the Pod can replace it, so Kubernetes' default of 30 s is 30 s without the module.
//!
//! The API server writes 30 s into each template and Pod that has none. Only the webhook of the workload sees the manifest that was
//! applied, and can tell them from 30 s of the user's. So the seconds travel on the placement annotation of the template
//! ([`crate::policy::Placement`]), and the Pod is completed from there. A template that runs without warden is not annotated, and its
//! Pods keep their 30 s.

use serde_json::{Value, json};

use super::{Context, Edit};
use crate::module::{Segment, Template, Workload};
use crate::policy::Placement;
use crate::vocabulary as keys;

/// Sets the grace period that was resolved for the Pod, where it has Kubernetes' default.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    let seconds = context.placement().grace().filter(|_| template.grace_period() == keys::DEFAULT_GRACE_PERIOD);
    seconds.map(|seconds| Edit::Set(template.grace_period_path(), json!(seconds))).into_iter().collect()
}

/// Whether the author of the workload set no grace period. In a cluster, 30 s are the author's only where a manifest has them: that of
/// `kubectl apply`, or that of a server-side apply. Other clients leave no trace of what they sent.
pub(in crate::policy) fn is_unset(workload: Workload<'_>) -> bool {
    let template = workload.template();
    let path = template.grace_period_path();
    let is_set = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    if !is_set(path.get(workload.object())) {
        return true;
    }
    let last_applied = workload.metadata().annotation(keys::LAST_APPLIED);
    let manifest: Option<Value> = last_applied.and_then(|manifest| serde_json::from_str(manifest).ok());
    let managers = workload.object().pointer("/metadata/managedFields").and_then(Value::as_array);
    let is_in_cluster = manifest.is_some() || managers.is_some();
    let is_applied = manifest.is_some_and(|manifest| is_set(path.get(&manifest)));
    let mut appliers = managers.into_iter().flatten().filter(|manager| manager["operation"] == "Apply");
    let is_applied_by_server = appliers.any(|manager| {
        let mut names = path.segments().iter().filter_map(Segment::name);
        names.try_fold(&manager["fieldsV1"], |fields, name| fields.get(format!("f:{name}"))).is_some()
    });
    let is_default = template.grace_period() == keys::DEFAULT_GRACE_PERIOD;
    is_default && is_in_cluster && !is_applied && !is_applied_by_server
}

/// The grace period of the Pods that come of the stored `template`, in seconds.
pub(in crate::policy) fn of_pods(template: &Template<'_>) -> u64 {
    let written = template.grace_period();
    let resolved = Placement::of(template).and_then(|placement| placement.grace());
    resolved.filter(|_| written == keys::DEFAULT_GRACE_PERIOD).unwrap_or(written)
}
