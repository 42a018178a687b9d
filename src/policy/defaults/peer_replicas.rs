//! The replicas of a peer Deployment: one per base, whatever the manifest says.
//!
//! A manifest that says `replicas: 1`, or nothing, which the API server makes 1, would uninstall the module from every base
//! but one each time it is applied. A new Deployment gets the number of its bases where it is known, so that its first Pods
//! are the right ones. A Deployment that is there keeps the number it has, also when it becomes a peer: to bring that number
//! in step with the bases without hurting a healthy one takes more than a number, and is left to the peer controller.

use serde_json::json;

use super::{Scene, Step};
use crate::module::Workload;

/// The number that an API server gives a Deployment that says none; nobody may have asked for it.
const UNSAID: u64 = 1;

/// Puts the number of bases, or the number there was, in the place of what the user wrote.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    if !scene.workload.keeps_replicas() {
        return Vec::new();
    }
    let asked = scene.workload.replicas();
    let (verb, number, may_be_unsaid) = match scene.request.old {
        Some(old) => ("stays", Some(Workload::new(scene.request.kind, old).replicas()), false),
        None => ("becomes", counted(scene), asked == UNSAID),
    };
    let Some(number) = number else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    if number != asked {
        steps.push(Step::Set(Workload::replicas_path(), json!(number)));
        if !may_be_unsaid {
            let warning = format!("spec.replicas {verb} {number}: warden keeps one replica per base (strategy peer)");
            steps.push(Step::Warn(warning));
        }
    }
    if number == 0 && scene.request.old.is_none() {
        // Everything about it looks fine then: none of no replicas is missing.
        let warning = "no base that is schedulable now fits this peer module: it has no replica until one does";
        steps.push(Step::Warn(warning.to_owned()));
    }
    steps
}

fn counted(scene: &Scene<'_>) -> Option<u64> {
    scene.request.peers?.replicas(scene.workload).map(u64::from)
}
