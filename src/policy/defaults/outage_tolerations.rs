//! Tolerations of not-ready and unreachable that never end.
//!
//! A vnode's lease is renewed by ModuleController, not by the base. When ModuleController is down, Kubernetes taints the
//! vnodes and after the seconds (300) that DefaultTolerationSeconds gives every Pod evicts the modules of bases that still serve.
//!
//! On a Pod that plugin has already been at work when we see it, and what it adds can be what a user wrote as well. So
//! where a *template* has it, which the plugin never touches, the template is marked ([`keys::OWN_TOLERATIONS`]), and a
//! marked Pod keeps its seconds.

use serde_json::json;

use super::{Scene, Step};
use crate::module::{Authorship, Kind, Taint};
use crate::vocabulary as keys;

/// Adds the tolerations that nothing covers, and takes the seconds off the in-tree ones of a Pod.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    let template = scene.workload.template();
    let path = template.tolerations_path();
    let tolerations = template.tolerations();
    let is_pod = scene.workload.kind() == Kind::Pod;
    let marked = template.metadata().annotation(keys::OWN_TOLERATIONS).is_some();
    let keeps_own = marked && scene.workload.switched(keys::OWN_TOLERATIONS, "true");
    let author = Authorship::of(scene.workload.object());
    let seconds = scene.policy.default_toleration_seconds;
    let mut steps = Vec::new();
    let mut ambiguous = false;
    for key in [keys::TAINT_NOT_READY, keys::TAINT_UNREACHABLE] {
        let taint = Taint { key, value: "", effect: keys::NO_EXECUTE };
        if !tolerations.iter().any(|toleration| toleration.tolerates(taint)) {
            steps.push(Step::Append(path.clone(), taint.toleration()));
        }
        for (index, toleration) in tolerations.iter().enumerate().filter(|(_, it)| it.is_in_tree_default(key, seconds))
        {
            if !is_pod {
                ambiguous = true;
            } else if !keeps_own && !author.wrote_element(&path, toleration.value()) {
                steps.push(Step::Remove(path.index(index).field("tolerationSeconds")));
            }
        }
    }
    if ambiguous && !marked {
        let mark = template.metadata().annotation_path(keys::OWN_TOLERATIONS);
        steps.push(Step::Add(mark, json!("true")));
    }
    steps
}
