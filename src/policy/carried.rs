//! Values that warden injected once and that an update carried along, brought up to date with what they came from.
//!
//! `kubectl apply`, `set env` and `edit` send what the user changed; what was injected stays in the live object. A new
//! `BIZ_VERSION` then meets the version label of the old one, and an anti-affinity that keeps the new Pods off every base
//! that carries the old version: the rollout would never end. So where a value is to the letter what warden derives from
//! the *old* object, its source has changed, and nothing shows that the user wrote it, it follows its source.

use serde_json::json;

use super::declarations::single_demand;
use super::defaults::{anti_affinity, workload_labels};
use super::draft::Draft;
use super::{Declarations, Policy, Request};
use crate::module::{Authorship, Container, Taint, Workload};
use crate::vocabulary as keys;

/// Brings up to date what `request` carried along from its old object.
pub(super) fn bring_up_to_date(draft: &mut Draft, request: Request<'_>, policy: &Policy) {
    let Some(old) = request.old.map(|old| Workload::new(request.kind, old)) else {
        return;
    };
    forget_labels_of_demands(draft, request, policy, old);
    let new = draft.object().clone();
    let new = Workload::new(request.kind, &new);
    let author = Authorship::of(new.object());
    identity(draft, old, new, &author);
    for key in keys::BASE_SELECTION {
        if let Some(change) = Change::of(key, request, policy, old, new) {
            base_affinity(draft, &change, new, &author);
        }
    }
    if let Some(change) = Change::of(keys::ENV, request, policy, old, new) {
        env_toleration(draft, &change, new, &author);
    }
    labels_of_workload(draft, request, policy, old, &author);
}

/// A declaration, or a demand for an environment, that has another value now.
struct Change<'a> {
    key: &'static str,
    old: &'a str,
    new: &'a str,
}

impl<'a> Change<'a> {
    fn of(
        key: &'static str,
        request: Request<'a>,
        policy: &'a Policy,
        old: Workload<'a>,
        new: Workload<'a>,
    ) -> Option<Self> {
        let value = |workload: Workload<'a>| {
            // Where the pod spec itself demands an environment, that is the one whose taint must be tolerated.
            let demanded = (key == keys::ENV).then(|| single_demand(&workload.template(), key)).flatten();
            demanded.or_else(|| Declarations::of(workload, request.namespace).get(key))
        };
        // What came from the cluster's default gives way to a declaration, and not the other way round.
        let by_default = || Declarations::of(old, request.namespace).or_default(key, &policy.default_base);
        let (old, new) = (value(old).or_else(by_default)?, value(new)?);
        (old != new).then_some(Self { key, old, new })
    }
}

/// A label of the workload that was made from what the pod spec demanded, and no longer does, is no declaration.
fn forget_labels_of_demands(draft: &mut Draft, request: Request<'_>, policy: &Policy, old: Workload<'_>) {
    for key in [keys::BASE_CLUSTER_NAME, keys::ENV] {
        let new = Workload::new(request.kind, draft.object());
        let label = new.metadata().label(key);
        let path = new.metadata().label_path(key);
        let was_made_from_a_demand = label.is_some()
            && label == single_demand(&old.template(), key)
            && single_demand(&new.template(), key).is_none()
            && !Authorship::of(new.object()).set(&path);
        if was_made_from_a_demand {
            let mut without = draft.clone();
            without.remove(&path);
            let known =
                workload_labels::known(Workload::new(request.kind, without.object()), request.namespace, policy);
            if !known.contains(&(key, label)) {
                *draft = without;
            }
        }
    }
}

fn identity(draft: &mut Draft, old: Workload<'_>, new: Workload<'_>, author: &Authorship<'_>) {
    let (Some(before), Some(after)) = (old.template().single_module(), new.template().single_module()) else {
        return;
    };
    let identity = |module: &Container<'_>| Some((module.name().to_owned(), module.literal_version()?.to_owned()));
    let (Some(before), Some(after)) = (identity(&before), identity(&after)) else {
        return;
    };
    if before == after {
        return;
    }
    let labels = [(keys::MODULE_NAME, &before.0, &after.0), (keys::MODULE_VERSION, &before.1, &after.1)];
    for (key, old_value, new_value) in labels {
        let metadata = new.template().metadata();
        let path = metadata.label_path(key);
        let carried = old_value != new_value
            && metadata.label(key) == Some(old_value)
            && old.template().metadata().label(key) == Some(old_value)
            // A selector that demands the old label refuses the new one: the rule on labels says so in plain words.
            && !new.selects_by(key)
            && !author.wrote(&path);
        if carried {
            draft.replace(&path, json!(new_value));
        }
    }
    // What is kept apart stays with the labels, also where these were left alone.
    let labels = Workload::new(new.kind(), draft.object()).template().metadata();
    let label = |key, otherwise: &String| labels.label(key).map_or_else(|| otherwise.clone(), str::to_owned);
    let after = (label(keys::MODULE_NAME, &after.0), label(keys::MODULE_VERSION, &after.1));
    if before == after {
        return;
    }
    let injected = anti_affinity::term(&before.0, &before.1);
    let list = new.template().anti_affinity_path();
    let terms = new.template().anti_affinity();
    let carried = terms.iter().position(|term| *term.value() == injected);
    if let Some(index) = carried.filter(|_| !author.wrote_element(&list, &injected)) {
        draft.replace(&list.index(index), anti_affinity::term(&after.0, &after.1));
    }
}

fn base_affinity(draft: &mut Draft, change: &Change<'_>, new: Workload<'_>, author: &Authorship<'_>) {
    if author.set(&new.template().node_terms_path()) {
        return;
    }
    for term in new.template().node_terms().unwrap_or_default() {
        for expression in term.expressions() {
            if expression.is(change.key, change.old) {
                draft.replace(&expression.path.field("values"), json!([change.new]));
                draft.warn(format!("{} follows its declaration: {} -> {}", change.key, change.old, change.new));
            }
        }
    }
}

fn env_toleration(draft: &mut Draft, change: &Change<'_>, new: Workload<'_>, author: &Authorship<'_>) {
    let taint = |value| Taint { key: keys::TAINT_NODE_ENV, value, effect: keys::NO_EXECUTE };
    let list = new.template().tolerations_path();
    let injected = taint(change.old).toleration();
    let tolerations = new.template().tolerations();
    let Some(index) = tolerations.iter().position(|toleration| *toleration.value() == injected) else {
        return;
    };
    if !author.wrote_element(&list, &injected) && !author.set(&list) {
        draft.replace(&list.index(index), taint(change.new).toleration());
        draft.warn(format!("the environment follows its declaration: {} -> {}", change.old, change.new));
    }
}

/// The labels of the workload follow what the template came to above.
fn labels_of_workload(
    draft: &mut Draft,
    request: Request<'_>,
    policy: &Policy,
    old: Workload<'_>,
    author: &Authorship<'_>,
) {
    let new = Workload::new(request.kind, draft.object());
    let came_to = |workload| workload_labels::known(workload, request.namespace, policy);
    let metadata = new.metadata();
    let follows: Vec<_> = came_to(old)
        .into_iter()
        .zip(came_to(new))
        .filter_map(|((key, before), (_, after))| {
            let path = metadata.label_path(key);
            let carried = before.is_some() && metadata.label(key) == before && !author.wrote(&path);
            Some((path, json!(after?))).filter(|_| carried && before != after)
        })
        .collect();
    for (path, value) in follows {
        draft.replace(&path, value);
    }
}
