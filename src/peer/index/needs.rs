//! What a peer Deployment's Pods need of their bases.

use serde_json::{Value, json};

use crate::cluster::Eligibility;
use crate::fit::{Demand, Fit, Node};
use crate::k8s::ObjectKey;
use crate::module::{Kind, Workload};
use crate::policy::{NamespaceFacts, Placement, Policy, Request};
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
    /// The needs of the stored Deployment `stored`: those of the Pod that would come out of it now, and for Pods that are there those
    /// of the template as it stands.
    pub(super) fn of_stored(policy: &Policy, namespace: Option<&NamespaceFacts>, stored: &Value) -> Self {
        let request = Request::creation(Kind::Deployment).in_namespace(namespace);
        let needs = Self::of_pod(&policy.pod_of(request, stored));
        let stays = Some(what_stays(stored)).filter(|stays| *stays != needs.demand);
        Self { stays, ..needs }
    }

    /// The needs of a Deployment whose Pods come out as `pod`.
    pub(super) fn of_pod(pod: &Value) -> Self {
        let template = Workload::new(Kind::Pod, pod).template();
        let namespace = pod.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        let mut labels: Vec<_> = template.metadata().labels().collect();
        if !labels.iter().any(|(key, _)| *key == keys::POD_TEMPLATE_HASH) {
            // Every Pod of one template carries the same, whichever it is.
            labels.push((keys::POD_TEMPLATE_HASH, ""));
        }
        let apart = template.anti_affinity().iter().any(|term| term.keeps_apart_within(namespace, &labels));
        Self { demand: Demand::of(&template), stays: None, apart }
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

/// What the Pods that are there were made from asks of their nodes: the template as it stands, with its placement, and without what a
/// Namespace or the configuration would add now. A Namespace that declares another base takes no Pod away.
fn what_stays(stored: &Value) -> Demand {
    let template = Workload::new(Kind::Deployment, stored).template();
    let mut silent = vec![keys::TAINT_VIRTUAL_NODE];
    if Placement::of(&template).is_none() {
        silent.push(keys::TAINT_NODE_ENV);
    }
    let tolerations = template.tolerations();
    silent.retain(|key| tolerations.iter().all(|known| known.key() != *key));
    let mut stored = stored.clone();
    // A template that says nothing of the taints of vnodes has Pods that were completed for the environment of their time, and
    // Kubernetes itself evicts what does not tolerate a base.
    if let Some(spec) = stored.pointer_mut("/spec/template/spec").and_then(Value::as_object_mut)
        && let Some(list) = spec.entry("tolerations").or_insert_with(|| json!([])).as_array_mut()
    {
        list.extend(silent.into_iter().map(|key| json!({"key": key, "operator": "Exists"})));
    }
    let pod = Policy::default().pod_of(Request::creation(Kind::Deployment), &stored);
    Demand::of(&Workload::new(Kind::Pod, &pod).template())
}
