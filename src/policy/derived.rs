//! The node affinity and tolerations of a DaemonSet's template that follow from its placement.
//!
//! A DaemonSet's controller decides by the template on which nodes it makes a Pod, so completing the Pods is too late. What was
//! derived from the placement that the template carries is known exactly: its keys are those that the user's own pod spec did not say.

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
    Taint::node_env(env).toleration()
}

/// Makes what was derived from `old` follow from `new`, in place. What `old` does not have was not derived, and stays.
pub(super) fn replace(draft: &mut Draft, kind: Kind, old: &Placement, new: &Placement) {
    let mut is_shorter = false;
    for key in keys::BASE_SELECTION {
        let (before, after) = (old.get(key), new.get(key));
        let Some(before) = before.filter(|_| before != after) else { continue };
        for (expressions, at) in positions(&template(draft, kind), key, before) {
            match after {
                Some(after) => draft.replace(&expressions.index(at), requirement(key, after)),
                None => {
                    draft.remove_element(&expressions, at);
                    is_shorter = true;
                }
            }
        }
    }
    if is_shorter {
        drop_emptied_affinity(draft, kind);
    }
    let (before, after) = (old.get(keys::ENV), new.get(keys::ENV));
    if let Some(before) = before.filter(|_| before != after) {
        let list = template(draft, kind).tolerations_path();
        let derived = toleration(before);
        let position = template(draft, kind).tolerations().iter().rposition(|known| *known.value() == derived);
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

/// Where a term has exactly the requirement that is derived: the path of its requirements, and the index in them. One that is alone in
/// its term, with other terms beside it, is the user's: nothing is derived into a term without a requirement.
fn positions(template: &Template<'_>, key: &str, value: &str) -> Vec<(FieldPath, usize)> {
    let terms = template.node_terms().unwrap_or_default();
    let is_single = terms.len() == 1;
    let derived = terms.iter().filter(|term| is_single || term.expressions().len() + term.fields().len() > 1);
    derived
        .filter_map(|term| {
            let at = term.expressions().iter().rposition(|expression| expression.is(key, value))?;
            Some((term.expressions_path(), at))
        })
        .collect()
}

/// An affinity of a single term that consisted only of what was derived is gone with it.
fn drop_emptied_affinity(draft: &mut Draft, kind: Kind) {
    let is_emptied = template(draft, kind).node_terms().is_some_and(|terms| match terms.as_slice() {
        [one] => one.is_empty(),
        _ => false,
    });
    if is_emptied {
        drop_affinity(draft, kind);
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
