//! Only warden may scale a peer Deployment.
//!
//! A scale review has an `autoscaling/v1` Scale, which has no labels. Only the store shows whether its Deployment is a peer. If the
//! store lags and lets a scale through, the peer controller corrects the replicas.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::ClusterView;
use super::envelope::{Request, ScaleForbidden};
use crate::k8s::ObjectKey;
use crate::module::Workload;
use crate::vocabulary as keys;

/// The kind of what is reviewed, as it is counted.
pub(super) const KIND: &str = "Scale";

/// The user name of warden itself. Until it is known, no user counts as warden.
#[derive(Debug, Clone, Default)]
pub struct OwnUser(Arc<OnceLock<String>>);

impl OwnUser {
    /// Sets it. The first name counts: a process does not change its user.
    pub fn is(&self, name: String) {
        // An error says that it was set before.
        let _ = self.0.set(name);
    }

    fn made(&self, request: &Request) -> bool {
        self.0.get() == Some(&request.user_info.username)
    }
}

/// Whether `request` scales a Deployment through its subresource.
pub(super) fn scales_a_deployment(request: &Request) -> bool {
    request.sub_resource.as_deref() == Some("scale")
        && request.resource.group == "apps"
        && request.resource.resource == "deployments"
}

/// Why this user may not scale the Deployment; none where it may.
pub(super) fn refuse(request: &Request, cluster: &dyn ClusterView, own: &OwnUser) -> Option<ScaleForbidden> {
    // A Scale to zero leaves the number out.
    let replicas = |scale: &Value| Workload::replicas_path().get(scale).and_then(Value::as_u64).unwrap_or(0);
    let key = ObjectKey { namespace: request.namespace.clone(), name: request.name.clone() };
    let refused = replicas(&request.object) != replicas(&request.old_object)
        && !own.made(request)
        && cluster.keeps_replicas(&key);
    refused.then(|| ScaleForbidden {
        resource: request.resource.clone(),
        message: format!(
            "{} has one replica per base (strategy {}), and warden keeps that number: remove the label {} (or {}), or set \
             the annotation {}: \"true\", to scale it yourself",
            key.name,
            keys::STRATEGY_PEER,
            keys::STRATEGY.current,
            keys::STRATEGY.older,
            keys::PEER_PAUSED
        ),
        name: key.name,
    })
}
