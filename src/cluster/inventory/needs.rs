//! What a peer Deployment's Pods need of their bases.

use serde_json::Value;

use crate::fit::Demand;
use crate::module::{Kind, Workload};
use crate::policy::{NamespaceFacts, Policy, Request};
use crate::vocabulary as words;

/// What a template asks of a node, and of the nodes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needs {
    /// What it asks of each node.
    pub(super) demand: Demand,
    /// Whether of the nodes with one host name only one can carry it.
    pub(super) apart: bool,
}

impl Needs {
    /// The needs of `module` once everything is filled in: a Deployment from before the webhook has not been, and its Pods
    /// are.
    pub(super) fn of_stored(policy: &Policy, namespace: Option<&NamespaceFacts>, module: &Value) -> Self {
        let request = Request { kind: Kind::Deployment, old: None, namespace, peers: None };
        let injected = policy.inject(request, module.clone());
        Self::of(Workload::new(Kind::Deployment, &injected.object))
    }

    /// The needs of `workload` as it stands.
    pub(super) fn of(workload: Workload<'_>) -> Self {
        let template = workload.template();
        let namespace = workload.object().pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        let mut labels: Vec<_> = template.metadata().labels().collect();
        if !labels.iter().any(|(key, _)| *key == words::POD_TEMPLATE_HASH) {
            // Every Pod of one template carries the same, whichever it is.
            labels.push((words::POD_TEMPLATE_HASH, ""));
        }
        let apart = template.anti_affinity().iter().any(|term| term.keeps_apart_within(namespace, &labels));
        Self { demand: Demand::of(&template), apart }
    }
}
