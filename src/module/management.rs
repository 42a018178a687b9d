//! Who keeps the replicas of a Deployment: warden keeps those of a peer Deployment, unless its user opted out.

use serde::{Deserialize, Serialize};

use super::{Workload, retained};
use crate::vocabulary as keys;

/// Who keeps the replicas of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Management {
    /// The workload is not a peer Deployment, so its replicas are the user's.
    NotPeer,
    /// warden keeps them: one replica per base.
    Managed,
    /// A peer Deployment whose replicas are left to its user.
    Unmanaged(UnmanagedReason),
}

/// Why the replicas of a peer Deployment are left to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnmanagedReason {
    /// [`crate::vocabulary::REPLICAS_CONTROL`] is `"true"`.
    ReplicasControl,
    /// [`crate::vocabulary::PEER_PAUSED`] is `"true"`.
    Paused,
    /// [`crate::vocabulary::INJECT`] is `"false"` on the Deployment or on its template: warden changes nothing on it.
    NotInjected,
    /// The template lacks the label that marks modules ([`crate::vocabulary::COMPONENT`]). So warden neither fills in the
    /// template nor sees its Pods.
    NoModule,
    /// More of it would have to be kept in memory than warden spends on one Deployment ([`retained::RETAINED_LIMIT`]).
    TooLarge,
}

impl Management {
    pub(super) fn of(workload: Workload<'_>) -> Self {
        if !workload.is_peer() {
            return Self::NotPeer;
        }
        UnmanagedReason::of(workload).map_or(Self::Managed, Self::Unmanaged)
    }

    /// Why a peer Deployment's replicas are left to its user; None where warden keeps them, and where the workload is not a
    /// peer Deployment.
    pub fn unmanaged_reason(self) -> Option<UnmanagedReason> {
        match self {
            Self::Unmanaged(reason) => Some(reason),
            Self::NotPeer | Self::Managed => None,
        }
    }
}

impl UnmanagedReason {
    /// The first reason that applies to `workload`, a peer Deployment.
    fn of(workload: Workload<'_>) -> Option<Self> {
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

    const NO_MODULE: Management = Management::Unmanaged(UnmanagedReason::NoModule);

    #[rstest]
    #[case::module(json!({"virtual-kubelet.koupleless.io/component": "module"}), Management::Managed)]
    #[case::older_spelling(json!({"module-controller.koupleless.io/component": "module"}), Management::Managed)]
    #[case::another_component(json!({"virtual-kubelet.koupleless.io/component": "vnode"}), NO_MODULE)]
    #[case::nothing(json!({}), NO_MODULE)]
    fn a_template_that_is_not_a_module_is_unmanaged(#[case] labels: Value, #[case] management: Management) {
        let peer = json!({
            "metadata": {"labels": {
                "virtual-kubelet.koupleless.io/strategy": "peer",
                "virtual-kubelet.koupleless.io/component": "module-deployment",
            }},
            "spec": {"template": {"metadata": {"labels": labels}}},
        });
        let workload = Workload::new(Kind::Deployment, &peer);
        assert_eq!(workload.management(), management);
        assert_eq!(workload.keeps_replicas(), management == Management::Managed);
    }

    #[test]
    fn what_is_not_a_peer_has_no_unmanaged_reason() {
        let paused = json!({"metadata": {"annotations": {"warden.koupleless.io/peer-paused": "true"}}});
        let management = Workload::new(Kind::Deployment, &paused).management();
        assert_eq!((management, management.unmanaged_reason()), (Management::NotPeer, None));
    }
}
