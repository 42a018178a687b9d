//! Tolerations of not-ready and unreachable that never end.
//!
//! ModuleController renews the lease of a vnode, not the base. When ModuleController is down, Kubernetes taints the vnodes. After
//! the 300 seconds that the plugin DefaultTolerationSeconds adds to every Pod, it evicts the modules of bases that still serve.
//!
//! The plugin runs before the webhook. What it adds to a Pod can also be what a user wrote into the template, so a user
//! who wants those seconds says so ([`keys::OWN_TOLERATIONS`]).

use super::{Context, Edit};
use crate::module::Taint;
use crate::vocabulary as keys;

/// Adds the tolerations that are not covered, and removes `tolerationSeconds` from those of the plugin's form.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    let path = template.tolerations_path();
    let tolerations = template.tolerations();
    let keeps_own = context.workload.switched(keys::OWN_TOLERATIONS, "true");
    let seconds = context.policy.default_toleration_seconds;
    let mut edits = Vec::new();
    for key in [keys::TAINT_NOT_READY, keys::TAINT_UNREACHABLE] {
        let taint = Taint::evicting(key);
        let forever = taint.toleration();
        if !context.allows(&forever) {
            continue;
        }
        if !tolerations.iter().any(|toleration| toleration.tolerates(taint)) {
            edits.push(Edit::Append(path.clone(), forever));
        }
        let of_plugin = tolerations.iter().enumerate().filter(|(_, it)| it.is_in_tree_default(key, seconds));
        edits.extend(
            of_plugin
                .filter(|_| !keeps_own)
                .map(|(index, _)| Edit::Remove(path.index(index).field("tolerationSeconds"))),
        );
    }
    edits
}
