//! Taints and cordons of a node against the tolerations of a template.

use super::{Fit, Node, NodeTaint, Reason};
use crate::module::{Taint, Toleration, TolerationSpec};
use crate::vocabulary as keys;

/// The taint as which the scheduler reads `spec.unschedulable`.
const CORDON: Taint<'_> = Taint { key: keys::TAINT_UNSCHEDULABLE, value: "", effect: keys::NO_SCHEDULE };

/// The tolerations of a template. One with `tolerationSeconds` counts like any other: the Pod is scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tolerations(Vec<TolerationSpec<String>>);

impl Tolerations {
    pub(super) fn of(tolerations: Vec<Toleration<'_>>) -> Self {
        Self(tolerations.into_iter().map(Toleration::spec).collect())
    }

    /// Whether the taints and the cordon of `node` admit a Pod.
    pub(super) fn judge<'a>(&self, node: &'a Node) -> Fit<'a> {
        let mut reasons: Vec<Reason<'a>> = Vec::new();
        let mut not_now = |reason: Reason<'a>| {
            // Kubernetes taints a node twice for one state: NoSchedule keeps new Pods off, NoExecute evicts.
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        };
        for taint in node.taints.iter().filter(|taint| keeps_off(taint) && !self.cover(taint.as_taint())) {
            match passing_state(&taint.key) {
                Some(state) => not_now(state),
                None if taint.effect == keys::NO_EXECUTE => return Fit::No(Reason::Taint(taint)),
                None => not_now(Reason::Taint(taint)),
            }
        }
        if node.unschedulable && !self.cover(CORDON) {
            not_now(Reason::Cordoned);
        }
        if reasons.is_empty() { Fit::Now } else { Fit::NotNow(reasons) }
    }

    fn cover(&self, taint: Taint<'_>) -> bool {
        self.0.iter().any(|toleration| toleration.covers(taint))
    }
}

/// Whether a taint is more than a preference (`PreferNoSchedule`).
fn keeps_off(taint: &NodeTaint) -> bool {
    matches!(taint.effect.as_str(), keys::NO_EXECUTE | keys::NO_SCHEDULE)
}

/// The state of a node that Kubernetes itself adds as a taint and removes again. Such a node is still the right one.
fn passing_state(key: &str) -> Option<Reason<'static>> {
    match key {
        keys::TAINT_NOT_READY => Some(Reason::NotReady),
        keys::TAINT_UNREACHABLE => Some(Reason::Unreachable),
        keys::TAINT_UNSCHEDULABLE => Some(Reason::Cordoned),
        _ => None,
    }
}
