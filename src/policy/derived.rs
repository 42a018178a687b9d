//! The node affinity and tolerations of a DaemonSet's template that follow from its placement.
//!
//! A DaemonSet's controller decides by the template on which nodes it makes a Pod, so completing the Pods is too late. What was
//! derived from the placement that the template carries is known exactly: its keys are those that the user's own pod spec did not say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Placement;
use super::draft::Draft;
use crate::module::{FieldPath, Kind, Taint, Template, Workload};
use crate::vocabulary as keys;

/// A requirement on a base: `key In [value]`.
pub(super) fn requirement(key: &str, value: &str) -> Value {
    json!({"key": key, "operator": "In", "values": [value]})
}

/// The toleration of the environment's taint.
fn toleration(env: &str) -> Value {
    Taint { key: keys::TAINT_NODE_ENV, value: env, effect: keys::NO_EXECUTE }.toleration()
}

/// Makes what was derived from `old` follow from `new`, in place. What `old` does not have was not derived, and stays.
pub(super) fn replace(draft: &mut Draft, kind: Kind, old: &Placement, new: &Placement) {
    let mut shrunk = BTreeSet::new();
    for key in keys::BASE_SELECTION {
        let (before, after) = (old.get(key), new.get(key));
        let Some(before) = before.filter(|_| before != after) else { continue };
        for (term, expressions, at) in positions(&template(draft, kind), key, before) {
            if let Some(after) = after {
                draft.replace(&expressions.index(at), requirement(key, after));
            } else {
                draft.remove_element(&expressions, at);
                shrunk.insert(term);
            }
        }
    }
    drop_emptied_terms(draft, kind, shrunk);
    let (before, after) = (old.get(keys::ENV), new.get(keys::ENV));
    if let Some(before) = before.filter(|_| before != after) {
        let list = template(draft, kind).tolerations_path();
        let derived = toleration(before);
        let position = template(draft, kind).tolerations().iter().position(|known| *known.value() == derived);
        match (position, after) {
            (Some(at), Some(after)) => draft.replace(&list.index(at), toleration(after)),
            (Some(at), None) => draft.remove_element(&list, at),
            (None, _) => {}
        }
    }
}

/// `object` as its author wrote it: without what was derived from the placement that it carries.
pub(super) fn plain(kind: Kind, object: &Value) -> Value {
    let mut draft = Draft::new(object.clone());
    if let Some(carried) = Placement::of(&template(&draft, kind)) {
        replace(&mut draft, kind, &carried, &Placement::default());
    }
    draft.finish().0
}

fn template(draft: &Draft, kind: Kind) -> Template<'_> {
    Workload::new(kind, draft.object()).template()
}

/// Where a term has exactly the requirement that is derived: the index of the term, the path of its requirements, and the index in
/// them.
fn positions(template: &Template<'_>, key: &str, value: &str) -> Vec<(usize, FieldPath, usize)> {
    let terms = template.node_terms().unwrap_or_default().into_iter().enumerate();
    terms
        .filter_map(|(term, it)| {
            let at = it.expressions().iter().rposition(|expression| expression.is(key, value))?;
            Some((term, it.expressions_path(), at))
        })
        .collect()
}

/// Removes those of the `shrunk` terms that have no requirement left, and an affinity that has no term left: a term without a
/// requirement would match no node.
fn drop_emptied_terms(draft: &mut Draft, kind: Kind, shrunk: BTreeSet<usize>) {
    let list = template(draft, kind).node_terms_path();
    let count = |draft: &Draft| list.get(draft.object()).and_then(Value::as_array).map_or(0, Vec::len);
    for at in shrunk.into_iter().rev() {
        let is_empty = template(draft, kind).node_terms().and_then(|terms| Some(terms.get(at)?.is_empty()));
        if is_empty == Some(true) {
            draft.remove_element(&list, at);
            if count(draft) == 0 {
                drop_affinity(draft, kind);
            }
        }
    }
}

fn drop_affinity(draft: &mut Draft, kind: Kind) {
    let affinity = template(draft, kind).spec_path().field("affinity");
    let nodes = affinity.field("nodeAffinity");
    draft.remove(&nodes.field("requiredDuringSchedulingIgnoredDuringExecution"));
    for path in [&nodes, &affinity] {
        if path.get(draft.object()).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
            draft.remove(path);
        }
    }
}
