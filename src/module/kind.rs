//! The kinds that have a pod template, and its path in each.

use std::fmt;

use super::FieldPath;

/// A kind of object that makes module Pods, or is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The Pod itself.
    Pod,
    /// `apps` Deployment.
    Deployment,
    /// `apps` StatefulSet.
    StatefulSet,
    /// `apps` DaemonSet.
    DaemonSet,
    /// `apps` ReplicaSet.
    ReplicaSet,
    /// ReplicationController.
    ReplicationController,
    /// `batch` Job.
    Job,
    /// `batch` CronJob, with the template of its Jobs.
    CronJob,
    /// OpenKruise's CloneSet.
    CloneSet,
    /// OpenKruise's StatefulSet.
    AdvancedStatefulSet,
    /// OpenKruise's DaemonSet.
    AdvancedDaemonSet,
    /// Argo's Rollout.
    ArgoRollout,
}

/// The API group of OpenKruise's workloads.
const OPEN_KRUISE: &str = "apps.kruise.io";

/// Where the controller of a workload keeps its former templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum History {
    /// In ReplicaSets, which it scales up again for a rollback.
    ReplicaSets,
    /// In ControllerRevisions.
    ControllerRevisions,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Pod,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::ReplicationController,
        Self::Job,
        Self::CronJob,
        Self::CloneSet,
        Self::AdvancedStatefulSet,
        Self::AdvancedDaemonSet,
        Self::ArgoRollout,
    ];

    /// The kind by its API group and name; None for other kinds.
    pub fn of(group: &str, name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.group() == group && kind.name() == name)
    }

    /// The kind by a manifest's `apiVersion` and `kind`.
    pub fn of_manifest(api_version: &str, name: &str) -> Option<Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self::of(group, name)
    }

    /// The API group; empty for the core group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::ReplicationController => "",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet => "apps",
            Self::Job | Self::CronJob => "batch",
            Self::CloneSet | Self::AdvancedStatefulSet | Self::AdvancedDaemonSet => OPEN_KRUISE,
            Self::ArgoRollout => "argoproj.io",
        }
    }

    /// The name, as in a manifest's `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Deployment => "Deployment",
            Self::StatefulSet | Self::AdvancedStatefulSet => "StatefulSet",
            Self::DaemonSet | Self::AdvancedDaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::CloneSet => "CloneSet",
            Self::ArgoRollout => "Rollout",
        }
    }

    /// Whether its controller makes a Pod for each node by the *template*'s own node affinity and tolerations: completing the Pods
    /// alone would be too late.
    pub fn places_by_template(self) -> bool {
        matches!(self, Self::DaemonSet | Self::AdvancedDaemonSet)
    }

    /// Where its controller keeps the former templates, if it does.
    pub fn history(self) -> Option<History> {
        match self {
            Self::Deployment | Self::ArgoRollout => Some(History::ReplicaSets),
            Self::StatefulSet
            | Self::DaemonSet
            | Self::CloneSet
            | Self::AdvancedStatefulSet
            | Self::AdvancedDaemonSet => Some(History::ControllerRevisions),
            Self::Pod | Self::ReplicaSet | Self::ReplicationController | Self::Job | Self::CronJob => None,
        }
    }

    /// The path of the pod template, which has `metadata` and `spec`; for a Pod the object itself.
    pub fn template_path(self) -> FieldPath {
        match self {
            Self::Pod => FieldPath::root(),
            Self::CronJob => FieldPath::root().fields(&["spec", "jobTemplate", "spec", "template"]),
            _ => FieldPath::root().fields(&["spec", "template"]),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
