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
    /// `batch` Job.
    Job,
    /// `batch` CronJob, with the template of its Jobs.
    CronJob,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Pod, Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::ReplicaSet, Self::Job, Self::CronJob];

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
            Self::Pod => "",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet => "apps",
            Self::Job | Self::CronJob => "batch",
        }
    }

    /// The name, as in a manifest's `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
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
