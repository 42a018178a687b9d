//! A rollback in the middle of a rollout, to a revision from before warden.
//!
//! `kubectl rollout undo` sends the template of that revision's ReplicaSet. If warden filled it in, no ReplicaSet would have
//! this template. The new Pods would land on bases where old Pods of that revision still run. Those have no labels, so nothing
//! keeps them apart, and deleting them would leave these bases empty. If warden leaves the template unchanged, the Deployment
//! controller recognises its ReplicaSet and scales it up again, and warden fills in the Pods that it creates.

use super::draft::Draft;
use super::{Policy, Request, rules};
use crate::module::{Kind, Template, Workload};
use crate::vocabulary as keys;

/// The draft as it was sent, where it looks like such a rollback and may be stored as it is.
///
/// A template that is admitted only because a rule was lowered does not count: filling it in fixes it.
pub(super) fn rollback(draft: &Draft, request: Request<'_>, policy: &Policy) -> Option<Draft> {
    let old = Workload::new(request.kind, request.old?);
    let new = Workload::new(request.kind, draft.object());
    let labelled = |template: Template<'_>| template.metadata().label(keys::MODULE_VERSION).is_some();
    let looks_like_one = request.kind == Kind::Deployment
        && old.is_rolling_out()
        && labelled(old.template())
        && !labelled(new.template());
    (looks_like_one && rules::check(request, new, &policy.severities.none_lowered()).admits()).then(|| draft.clone())
}

/// The rollback as it was sent, unless filling it in gives the template that the Deployment has: then the user applied a
/// plain manifest again.
pub(super) fn leave_alone(rollback: Option<Draft>, filled_in: Draft, request: Request<'_>) -> Draft {
    let template_now = request.old.map(|old| Workload::new(request.kind, old).template());
    let after = Workload::new(request.kind, filled_in.object()).template();
    match rollback {
        Some(sent) if template_now.and_then(|template| template.value()) != after.value() => sent,
        _ => filled_in,
    }
}
