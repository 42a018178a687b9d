//! Tolerations of the two taints that every vnode has. Without them the scheduler finds no base for the Pod.
//!
//! Only a Pod that selects its bases gets them. These taints keep any other Pod off all bases; with the tolerations it could
//! land on any base.

use super::{Context, Edit};
use crate::module::Taint;
use crate::policy::selection::Selection;

/// Adds the tolerations that no toleration in the template covers.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    if Selection::of(&template) == Selection::Nothing {
        return Vec::new();
    }
    let tolerations = template.tolerations();
    let placement = context.placement();
    placement
        .taints(&template, context.policy)
        .into_iter()
        .filter(|taint| !tolerations.iter().any(|toleration| toleration.tolerates(*taint)))
        .map(Taint::toleration)
        .filter(|toleration| context.allows(toleration))
        .map(|toleration| Edit::Append(template.tolerations_path(), toleration))
        .collect()
}
