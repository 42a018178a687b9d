//! What a peer Deployment's Pods need of their bases.

use serde_json::{Value, json};

use crate::cluster::Eligibility;
use crate::fit::{Demand, Fit, Node};
use crate::k8s::ObjectKey;
use crate::module::{Kind, Workload};
use crate::policy::{NamespaceFacts, Policy, Request};
use crate::vocabulary as keys;

/// What a template asks of a node, and of the nodes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needs {
    /// What it asks of a node for a Pod to come there.
    pub(super) demand: Demand,
    /// What it asks of a node for a Pod to stay there, where that is something else.
    stays: Option<Demand>,
    /// Whether of the nodes with one host name only one can carry it.
    pub(super) apart: bool,
}

impl Needs {
    /// The needs of `stored` once everything is filled in: a Deployment from before the webhook has not been, and its Pods
    /// are.
    pub(super) fn of_stored(policy: &Policy, namespace: Option<&NamespaceFacts>, stored: &Value) -> Self {
        let request = Request { kind: Kind::Deployment, old: None, namespace, peers: None };
        let (filled_in, _) = policy.inject(request, stored.clone());
        Self::of(&filled_in, stored)
    }

    /// The needs of the Deployment `filled_in`, which is stored, or will be, as `stored`.
    pub(super) fn of(filled_in: &Value, stored: &Value) -> Self {
        let workload = Workload::new(Kind::Deployment, filled_in);
        let template = workload.template();
        let namespace = workload.object().pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        let mut labels: Vec<_> = template.metadata().labels().collect();
        if !labels.iter().any(|(key, _)| *key == keys::POD_TEMPLATE_HASH) {
            // Every Pod of one template carries the same, whichever it is.
            labels.push((keys::POD_TEMPLATE_HASH, ""));
        }
        let apart = template.anti_affinity().iter().any(|term| term.keeps_apart_within(namespace, &labels));
        let demand = Demand::of(&template);
        let stays = Some(what_stays(stored)).filter(|stays| *stays != demand);
        Self { demand, stays, apart }
    }

    /// The demands on single nodes.
    pub(super) fn demands(&self) -> impl Iterator<Item = &Demand> {
        std::iter::once(&self.demand).chain(&self.stays)
    }

    /// Logs why `node` takes no new Pod of the peer Deployment `key` now, if it does not.
    pub(super) fn log_misfit(&self, key: &ObjectKey, node: &Node) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let fit = self.demand.judge(node);
        if fit != Fit::Now {
            tracing::debug!(namespace = key.namespace, deployment = key.name, node = node.name, "the node {fit}");
        }
    }

    /// How `node` meets the needs; none where it does not.
    pub(super) fn judge(&self, node: &Node) -> Option<Eligibility> {
        match self.demand.judge(node) {
            Fit::Now => Some(Eligibility::Schedulable),
            Fit::NotNow(_) => Some(Eligibility::RetainsPods),
            Fit::No(_) => match self.stays.as_ref()?.judge(node) {
                Fit::Now | Fit::NotNow(_) => Some(Eligibility::RetainsPods),
                Fit::No(_) => None,
            },
        }
    }
}

/// What the Pods that are there were made from asks of their nodes: the template as it stands, without what would be filled
/// in now. A Namespace that declares another base, or warden's label on the Deployment that says so, takes no Pod away.
fn what_stays(stored: &Value) -> Demand {
    let workload = Workload::new(Kind::Deployment, stored);
    let tolerations = workload.template().tolerations();
    let of_vnodes = [keys::TAINT_VIRTUAL_NODE, keys::TAINT_NODE_ENV].into_iter();
    let silent: Vec<_> = of_vnodes.filter(|key| tolerations.iter().all(|known| known.key() != *key)).collect();
    let mut stored = stored.clone();
    // A template that says nothing of the taints of vnodes was never filled in; its Pods were, for the environment that was
    // declared then, and Kubernetes itself evicts what does not tolerate a base.
    if let Some(spec) = stored.pointer_mut("/spec/template/spec").and_then(Value::as_object_mut)
        && let Some(list) = spec.entry("tolerations").or_insert_with(|| json!([])).as_array_mut()
    {
        list.extend(silent.into_iter().map(|key| json!({"key": key, "operator": "Exists"})));
    }
    Demand::of(&Workload::new(Kind::Deployment, &stored).template())
}
