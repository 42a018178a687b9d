//! The replicas of a peer Deployment: one per base, whatever the manifest says.
//!
//! A manifest with `replicas: 1`, or with none, which the API server makes 1, would uninstall the module from every base but
//! one each time it is applied. A new Deployment gets the number of its bases where that is known, so that its first Pods are
//! the right ones. An existing Deployment keeps its number, also when it becomes a peer. The peer controller then changes it
//! step by step, because a wrong step removes a healthy base's Pod.

use serde_json::json;

use super::{Context, Edit};
use crate::module::Workload;

/// The number that the API server sets where the manifest has none. The user may not have asked for it.
const API_SERVER_DEFAULT: u64 = 1;

/// Replaces the user's number by the number of bases, or by the number that the Deployment had.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    if !context.workload.keeps_replicas() {
        return Vec::new();
    }
    let asked = context.workload.replicas();
    let (verb, number, may_be_default) = match context.request.old {
        Some(old) => ("stays", Some(Workload::new(context.request.kind, old).replicas()), false),
        None => ("becomes", counted(context), asked == API_SERVER_DEFAULT),
    };
    let Some(number) = number else {
        return Vec::new();
    };
    let mut edits = Vec::new();
    if number != asked {
        edits.push(Edit::Set(Workload::replicas_path(), json!(number)));
        if !may_be_default {
            let warning = format!("spec.replicas {verb} {number}: warden keeps one replica per base (strategy peer)");
            edits.push(Edit::Warn(warning));
        }
    }
    if number == 0 && context.request.old.is_none() {
        // kubectl shows such a Deployment as complete: 0 of 0 replicas are ready.
        let warning = "no base that is schedulable now fits this peer module: it has no replica until one does";
        edits.push(Edit::Warn(warning.to_owned()));
    }
    edits
}

fn counted(context: &Context<'_>) -> Option<u64> {
    let pod = context.policy.pod_of(context.request, context.workload.object());
    context.request.peers?.replicas(context.workload, &pod).map(u64::from)
}
