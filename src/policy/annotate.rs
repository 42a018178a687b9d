//! The placement annotation of a workload that is written.
//!
//! A template that its controller has run before must come out as it was, byte for byte, or a rollback would make a third revision
//! instead of reusing the old one. So where the template, without this annotation, is that of an earlier revision, the annotation of
//! that revision is taken, or its absence.

use serde_json::{Value, json};

use super::declarations::{DECLARED, declared, spec_says};
use super::draft::Draft;
use super::placement::{Sources, runs_as_written};
use super::{Placement, Policy, Request, Revision, TemplateDigest, defaults, derived};
use crate::module::{Kind, Metadata, Workload};
use crate::vocabulary as keys;

/// The annotation of a template that says all itself, where it must be there all the same.
const NOTHING: &str = "{}";

/// Writes the annotation onto the template in `draft`, or removes it, and makes what is derived from it follow.
pub(super) fn annotate(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    let kind = request.kind;
    if is_settled(request, draft.object()) {
        return;
    }
    let sent = draft.object().clone();
    let sent = Workload::new(kind, &sent);
    let carried = sent.template().metadata().annotation(keys::PLACEMENT);
    let decided = decide(request, sent, policy);
    let path = sent.template().metadata().annotation_path(keys::PLACEMENT);
    match &decided {
        Some(annotation) if carried != Some(annotation) => draft.set(&path, json!(annotation)),
        None if carried.is_some() => draft.remove(&path),
        _ => {}
    }
    if kind.places_by_template() {
        let placement = |annotation: Option<&str>| annotation.and_then(Placement::parse).unwrap_or_default();
        derived::replace(draft, kind, &placement(carried), &placement(decided.as_deref()));
    }
}

/// Whether the revisions of the workload must be known to decide on `object`.
pub(super) fn needs_revisions(request: Request<'_>, object: &Value) -> bool {
    let Some(old) = request.old.map(|old| Workload::new(request.kind, old)) else { return false };
    let new = Workload::new(request.kind, object);
    let is_resumed = old.is_paused() && !new.is_paused();
    request.kind.history().is_some() && (is_resumed || digest(new) != digest(old))
}

fn digest(workload: Workload<'_>) -> TemplateDigest {
    TemplateDigest::of(workload.template().value())
}

/// Whether the template can no longer change: that of a Job, but for one that is suspended and has never run.
fn is_settled(request: Request<'_>, object: &Value) -> bool {
    let Some(old) = request.old.filter(|_| request.kind == Kind::Job) else { return false };
    let at = |object: &Value, pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    let may_change = at(old, "/spec/suspend") == json!(true) && at(old, "/status/startTime").is_null();
    !may_change || at(old, "/spec/template") == at(object, "/spec/template")
}

fn decide(request: Request<'_>, sent: Workload<'_>, policy: &Policy) -> Option<String> {
    let plain = request.kind.places_by_template().then(|| derived::plain(request.kind, sent.object()));
    let new = Workload::new(request.kind, plain.as_ref().unwrap_or(sent.object()));
    let carried = sent.template().metadata().annotation(keys::PLACEMENT);
    let is_derived = request.kind.places_by_template();
    let needs_no_warden = runs_as_written(&new.template());
    // What was derived for a DaemonSet cannot always be told from the user's afterwards. So one that carries the annotation needed it.
    let declares_more = || {
        let declares = |metadata: &Metadata<'_>, key: &str| declared(metadata, key).is_some();
        let places = [new.template().metadata(), new.metadata()];
        let open = DECLARED.into_iter().filter(|key| !spec_says(&new.template(), key));
        open.into_iter().any(|key| places.iter().any(|place| declares(place, key)))
    };
    let runs_as_written = needs_no_warden && !(is_derived && (carried.is_some() || declares_more()));
    let sources = |resolved, base_anew| Sources {
        template: new.template(),
        workload: Some(new.metadata()),
        resolved,
        base_anew,
        namespace: request.namespace,
        policy,
        is_derived,
        grace: policy.grace_period(sent),
        runs_as_written,
    };
    let anew = || sources(None, true).resolve();
    let annotation = |placement: Placement| {
        placement.to_annotation().or_else(|| (is_derived && !runs_as_written).then(|| NOTHING.to_owned()))
    };
    let Some(old) = request.old.map(|old| Workload::new(request.kind, old)) else {
        return annotation(anew());
    };
    let before = old.template().metadata().annotation(keys::PLACEMENT);
    let changed = |key: &str| source_changed(key, old, new);
    let is_same = comes_to(digest(old), before, request, new, policy);
    // What runs without warden is not rolled out anew for a label on the workload.
    if is_same && (!DECLARED.into_iter().any(changed) || (before.is_none() && needs_no_warden)) {
        return before.map(str::to_owned);
    }
    if !is_same
        && let Some(revision) = matching(request, new, policy)
        && declares_the_same(revision, old, new)
    {
        return revision.placement.clone();
    }
    let before = before.and_then(Placement::parse);
    match carried.and_then(Placement::parse) {
        Some(carried) if carried != anew() => {
            let base_changed = keys::BASE_SELECTION.into_iter().any(changed);
            let drop = |key: &str| if key == keys::ENV { changed(key) } else { base_changed };
            let placement = sources(Some(before.unwrap_or_default().without(drop)), base_changed).resolve();
            // Without an annotation it would be resolved anew the next time.
            annotation(placement).or_else(|| (anew() != Placement::default()).then(|| NOTHING.to_owned()))
        }
        _ => annotation(anew()),
    }
}

/// The newest revision with the template of `new`.
fn matching<'r>(request: Request<'r>, new: Workload<'_>, policy: &Policy) -> Option<&'r Revision> {
    let is_it = |it: &&Revision| comes_to(it.digest, it.placement.as_deref(), request, new, policy);
    request.revisions.iter().filter(is_it).max_by_key(|revision| revision.number)
}

/// Whether `new`, as its author wrote it, comes to the template with this digest if it gets this placement annotation.
fn comes_to(
    template: TemplateDigest,
    annotation: Option<&str>,
    request: Request<'_>,
    new: Workload<'_>,
    policy: &Policy,
) -> bool {
    if !request.kind.places_by_template() {
        return digest(new) == template;
    }
    let mut candidate = Draft::new(new.object().clone());
    defaults::derive_template(&mut candidate, request, annotation, policy);
    let (candidate, _) = candidate.finish();
    digest(Workload::new(request.kind, &candidate)) == template
}

/// Whether the workload declares what it declared while `revision` was its newest: its annotations are copied to its revisions, and
/// `kubectl rollout undo` puts those of the revision back. Its labels stay.
fn declares_the_same(revision: &Revision, old: Workload<'_>, new: Workload<'_>) -> bool {
    let unchanged = DECLARED.into_iter().all(|key| !source_changed(key, old, new));
    let as_then = || {
        DECLARED.into_iter().all(|key| {
            let label = |workload: Workload<'_>| workload.metadata().label(key).map(str::to_owned);
            new.metadata().annotation(key) == revision.declared.get(key).map(String::as_str) && label(old) == label(new)
        })
    };
    unchanged || as_then()
}

/// Whether the workload declares another value of `key` than before. A label that warden filled in declares nothing new where it is
/// missing from what is sent: `kubectl replace` sends only what the user wrote.
fn source_changed(key: &str, old: Workload<'_>, new: Workload<'_>) -> bool {
    let (before, after) = (declared(&old.metadata(), key), declared(&new.metadata(), key));
    let filled_in = |metadata: &Metadata<'_>| {
        let placement = Placement::of(&old.template()).unwrap_or_default();
        metadata.annotation(key).is_none() && placement.get(key) == before
    };
    before != after && !(after.is_none() && old.is_peer() && filled_in(&old.metadata()))
}
