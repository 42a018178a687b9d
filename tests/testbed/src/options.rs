//! Options of a control plane.

use std::time::Duration;

/// What differs from Kubernetes' defaults. Arguments given here come last, and override the testbed's.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) api_server_args: Vec<String>,
    pub(crate) controller_manager_args: Vec<String>,
    pub(crate) node_monitor_grace_period: Option<Duration>,
    pub(crate) audits_writes: bool,
}

impl Options {
    /// Kubernetes' own defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more argument for kube-apiserver.
    #[must_use]
    pub fn api_server_arg(mut self, arg: impl Into<String>) -> Self {
        self.api_server_args.push(arg.into());
        self
    }

    /// One more argument for kube-controller-manager.
    #[must_use]
    pub fn controller_manager_arg(mut self, arg: impl Into<String>) -> Self {
        self.controller_manager_args.push(arg.into());
        self
    }

    /// How long a node may be silent until it counts as unreachable (Kubernetes: 50 s). Heartbeats are made as much more
    /// frequent, so that nodes which are well do not flap. Whole seconds, at least 4.
    #[must_use]
    pub fn node_monitor_grace_period(mut self, period: Duration) -> Self {
        self.node_monitor_grace_period = Some(period);
        self
    }

    /// The API server notes who writes what, for [`ControlPlane::audit`](crate::ControlPlane::audit).
    #[must_use]
    pub fn audit_writes(mut self) -> Self {
        self.audits_writes = true;
        self
    }
}
