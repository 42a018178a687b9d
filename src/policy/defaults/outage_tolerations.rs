//! Tolerations of not-ready and unreachable that never end.
//!
//! ModuleController renews the lease of a vnode, not the base. When ModuleController is down, Kubernetes taints the vnodes. After
//! the 300 seconds that the plugin DefaultTolerationSeconds adds to every Pod, it evicts the modules of bases that still serve.
//!
//! The plugin runs before the webhook. What it adds to a Pod can also be what a user wrote. It never changes a *template*, so
//! a template that has such tolerations is marked ([`keys::OWN_TOLERATIONS`]), and a marked Pod keeps its seconds.

use serde_json::json;

use super::{Context, Edit};
use crate::module::{Authorship, Kind, Taint};
use crate::vocabulary as keys;

/// Adds the tolerations that are not covered, and removes `tolerationSeconds` from the in-tree ones of a Pod.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    let path = template.tolerations_path();
    let tolerations = template.tolerations();
    let is_pod = context.workload.kind() == Kind::Pod;
    let marked = template.metadata().annotation(keys::OWN_TOLERATIONS).is_some();
    let keeps_own = marked && context.workload.switched(keys::OWN_TOLERATIONS, "true");
    let author = Authorship::of(context.workload.object());
    let seconds = context.policy.default_toleration_seconds;
    let mut edits = Vec::new();
    let mut ambiguous = false;
    for key in [keys::TAINT_NOT_READY, keys::TAINT_UNREACHABLE] {
        let taint = Taint { key, value: "", effect: keys::NO_EXECUTE };
        if !tolerations.iter().any(|toleration| toleration.tolerates(taint)) {
            edits.push(Edit::Append(path.clone(), taint.toleration()));
        }
        for (index, toleration) in tolerations.iter().enumerate().filter(|(_, it)| it.is_in_tree_default(key, seconds))
        {
            if !is_pod {
                ambiguous = true;
            } else if !keeps_own && !author.wrote_element(&path, toleration.value()) {
                edits.push(Edit::Remove(path.index(index).field("tolerationSeconds")));
            }
        }
    }
    if ambiguous && !marked {
        let mark = template.metadata().annotation_path(keys::OWN_TOLERATIONS);
        edits.push(Edit::Add(mark, json!("true")));
    }
    edits
}
