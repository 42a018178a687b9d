//! Who keeps the replicas of a peer Deployment: warden, unless somebody said otherwise.

use serde::{Deserialize, Serialize};

use super::{Workload, retained};
use crate::vocabulary as keys;

/// Why a peer Deployment's number is left to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftAlone {
    /// [`crate::vocabulary::REPLICAS_CONTROL`] is `"true"`.
    ReplicasControl,
    /// [`crate::vocabulary::PEER_PAUSED`] is `"true"`.
    Paused,
    /// warden was told to change nothing on it ([`crate::vocabulary::INJECT`] is `"false"`, on it or on its template).
    NotInjected,
    /// The label by which warden knows a module ([`crate::vocabulary::COMPONENT`]) is not on its template: neither is it filled
    /// in, nor are its Pods seen.
    NoModule,
    /// More of it would have to be kept in memory than is spent on one Deployment ([`super::retained::RETAINED_LIMIT`]).
    TooLarge,
}

impl LeftAlone {
    /// The first reason that is found on `workload`, a peer Deployment.
    pub(super) fn of(workload: Workload<'_>) -> Option<Self> {
        let metadata = workload.metadata();
        let replicas_control = keys::REPLICAS_CONTROL
            .all()
            .into_iter()
            .any(|key| metadata.label(key) == Some("true") || metadata.annotation(key) == Some("true"));
        if replicas_control {
            Some(Self::ReplicasControl)
        } else if metadata.annotation(keys::PEER_PAUSED) == Some("true") {
            Some(Self::Paused)
        } else if workload.switched(keys::INJECT, "false") {
            Some(Self::NotInjected)
        } else if !workload.template().is_module() {
            Some(Self::NoModule)
        } else if retained::is_too_large(workload.object()) {
            Some(Self::TooLarge)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::module::Kind;

    #[rstest]
    #[case::module(json!({"virtual-kubelet.koupleless.io/component": "module"}), None)]
    #[case::older_spelling(json!({"module-controller.koupleless.io/component": "module"}), None)]
    #[case::another_component(json!({"virtual-kubelet.koupleless.io/component": "vnode"}), Some(LeftAlone::NoModule))]
    #[case::nothing(json!({}), Some(LeftAlone::NoModule))]
    fn a_template_that_is_no_module_is_the_users(#[case] labels: Value, #[case] why: Option<LeftAlone>) {
        let peer = json!({
            "metadata": {"labels": {
                "virtual-kubelet.koupleless.io/strategy": "peer",
                "virtual-kubelet.koupleless.io/component": "module-deployment",
            }},
            "spec": {"template": {"metadata": {"labels": labels}}},
        });
        let workload = Workload::new(Kind::Deployment, &peer);
        assert_eq!((workload.left_alone(), workload.keeps_replicas()), (why, why.is_none()));
    }
}
