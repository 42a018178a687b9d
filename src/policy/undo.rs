//! A rollback in the middle of a rollout, onto a revision from before warden.
//!
//! `kubectl rollout undo` sends back the template as that revision's ReplicaSet has it. Filled in, it would be a template
//! that no ReplicaSet has; its new Pods would come to bases where that revision's old Pods still run, unlabelled and so not
//! kept apart, and the old Pods' deletion would leave these bases empty. Left alone, the Deployment controller recognises its
//! ReplicaSet and scales it up again; the Pods it makes are completed one by one.

use super::draft::Draft;
use super::{Policy, Request, rules};
use crate::module::{Kind, Template, Workload};
use crate::vocabulary as keys;

/// The draft as it came, where it looks like such a rollback and can be stored as it is.
///
/// Also one that only breaks rules which were lowered is not left alone: filling it in mends it.
pub(super) fn rollback(draft: &Draft, request: Request<'_>, policy: &Policy) -> Option<Draft> {
    let old = Workload::new(request.kind, request.old?);
    let new = Workload::new(request.kind, draft.object());
    let labelled = |template: Template<'_>| template.metadata().label(keys::MODULE_VERSION).is_some();
    let looks_like_one = request.kind == Kind::Deployment
        && old.is_rolling_out()
        && labelled(old.template())
        && !labelled(new.template());
    (looks_like_one && !rules::check(request, new).is_refused(&policy.severities)).then(|| draft.clone())
}

/// The rollback as it came, unless filling it in gave the template that the Deployment has: then it was a plain manifest
/// applied again.
pub(super) fn leave_alone(rollback: Option<Draft>, filled_in: Draft, request: Request<'_>) -> Draft {
    let template_now = request.old.map(|old| Workload::new(request.kind, old).template());
    let after = Workload::new(request.kind, filled_in.object()).template();
    match rollback {
        Some(came) if template_now.and_then(|template| template.value()) != after.value() => came,
        _ => filled_in,
    }
}
