//! Taints and cordons against the tolerations of a template.

use super::{Fit, Node, NodeTaint};
use crate::module::{Reach, Taint, Toleration};
use crate::vocabulary as keys;

const CORDONED: &str = "cordoned";

/// What the scheduler takes `spec.unschedulable` for.
const CORDON: Taint<'_> = Taint { key: keys::TAINT_UNSCHEDULABLE, value: "", effect: keys::NO_SCHEDULE };

/// The tolerations of a template. One that ends after some seconds tolerates as well as any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tolerations(Vec<Reach<String>>);

impl Tolerations {
    pub(super) fn of(tolerations: Vec<Toleration<'_>>) -> Self {
        Self(tolerations.into_iter().map(Toleration::reach).collect())
    }

    /// Whether the taints of `node`, and its cordon, let the template there.
    pub(super) fn judge(&self, node: &Node) -> Fit {
        let mut reasons: Vec<String> = Vec::new();
        let mut not_now = |reason: String| {
            // Kubernetes taints a node twice for the same thing, once to keep Pods off and once to evict them.
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        };
        for taint in node.taints.iter().filter(|taint| keeps_off(taint) && !self.cover(taint.as_taint())) {
            match passing_state(&taint.key) {
                Some(state) => not_now(state.to_owned()),
                None if taint.effect == keys::NO_EXECUTE => return Fit::No(no_toleration(taint)),
                None => not_now(no_toleration(taint)),
            }
        }
        if node.unschedulable && !self.cover(CORDON) {
            not_now(CORDONED.to_owned());
        }
        if reasons.is_empty() { Fit::Now } else { Fit::NotNow(reasons) }
    }

    fn cover(&self, taint: Taint<'_>) -> bool {
        self.0.iter().any(|reach| reach.covers(taint))
    }
}

/// Whether a taint is more than a wish (`PreferNoSchedule`).
fn keeps_off(taint: &NodeTaint) -> bool {
    matches!(taint.effect.as_str(), keys::NO_EXECUTE | keys::NO_SCHEDULE)
}

/// The state of a node that Kubernetes itself writes as a taint and takes back again; such a node is still the right one.
fn passing_state(key: &str) -> Option<&'static str> {
    match key {
        keys::TAINT_NOT_READY => Some("not ready"),
        keys::TAINT_UNREACHABLE => Some("unreachable"),
        keys::TAINT_UNSCHEDULABLE => Some(CORDONED),
        _ => None,
    }
}

fn no_toleration(taint: &NodeTaint) -> String {
    format!("no toleration for taint {taint}")
}
