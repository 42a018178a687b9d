//! What people read about a peer Deployment: the reasons and notes of Events, and the message of its state.

use super::{Hold, PeerState, Pod, Snapshot, Source};
use crate::k8s::{EventReason, EventType};
use crate::module::UnmanagedReason;
use crate::module::retained::RETAINED_LIMIT;
use crate::vocabulary as keys;

/// More names than this are only counted.
const MAX_NAMES: usize = 5;

/// Why the controller of peer Deployments records an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerEvent {
    /// The replicas were written.
    ReplicasSynced,
    /// Pods of departed bases were deleted.
    PodsDeleted,
    /// The replicas are not right, and stay so for now.
    SyncHeld,
    /// The replicas are no longer held.
    SyncResumed,
    /// The API server refused to write the replicas.
    ScaleRefused,
    /// The API server refused to delete Pods of departed bases.
    DeletionRefused,
    /// Bases share a host name, and only one of them can carry the module.
    SharedHostname,
    /// The Deployment is too large to be kept in memory.
    TooLarge,
}

impl EventReason for PeerEvent {
    fn reason(&self) -> &'static str {
        match self {
            Self::ReplicasSynced => "ReplicasSynced",
            Self::PodsDeleted => "PodsDeleted",
            Self::SyncHeld => "SyncHeld",
            Self::SyncResumed => "SyncResumed",
            Self::ScaleRefused => "ScaleRefused",
            Self::DeletionRefused => "DeletionRefused",
            Self::SharedHostname => "SharedHostname",
            Self::TooLarge => "TooLarge",
        }
    }

    fn event_type(&self) -> EventType {
        match self {
            Self::ReplicasSynced | Self::PodsDeleted | Self::SyncResumed => EventType::Normal,
            Self::SyncHeld | Self::ScaleRefused | Self::DeletionRefused | Self::SharedHostname | Self::TooLarge => {
                EventType::Warning
            }
        }
    }

    fn action(&self) -> &'static str {
        "Sync"
    }
}

/// The state of a Deployment in one sentence.
pub(super) fn state(state: &PeerState) -> String {
    if let Some(reason) = state.unmanaged {
        return match reason {
            UnmanagedReason::Paused => format!("left to the user: {}", keys::PEER_PAUSED),
            UnmanagedReason::ReplicasControl => format!("left to the user: {}", keys::REPLICAS_CONTROL.current),
            UnmanagedReason::NotInjected => {
                format!("left to the user: {}; its Pods are not kept apart", keys::INJECT)
            }
            UnmanagedReason::NoModule => "left to the user: its template is no module".to_owned(),
            UnmanagedReason::TooLarge => "left to the user: its template is too large".to_owned(),
        };
    }
    let number = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let replicas = number(state.replicas);
    let numbers = match &state.follows {
        Some(workload) => format!("{replicas}/{} ready of {workload}", number(state.ready)),
        None => format!("{replicas}/{} bases", number(state.bases)),
    };
    match &state.hold {
        Some(reason) => format!("{numbers}, held: {reason}"),
        None => numbers,
    }
}

/// That the replicas are left to the user because the Deployment is too large, for an Event.
pub(super) fn too_large() -> String {
    format!(
        "replicas are left to the user: labels, affinity, tolerations and containers take more than {} KiB of memory",
        RETAINED_LIMIT >> 10
    )
}

/// Why the replicas are held, for an Event.
pub(super) fn held(snapshot: &Snapshot, reason: &Hold) -> String {
    format!("replicas stay {} for now: {reason}", snapshot.replicas)
}

/// That the replicas are no longer held, for an Event.
pub(super) fn resumed(snapshot: &Snapshot) -> String {
    format!("no longer held, with replicas {}", snapshot.replicas)
}

/// Which number of replicas was written, and why, for an Event.
pub(super) fn synced(snapshot: &Snapshot, to: u32) -> String {
    let why = match &snapshot.source {
        Source::Bases { count, .. } => format!("{count} bases fit"),
        Source::Followed { workload, .. } => {
            format!("{} replicas of {workload} are ready", snapshot.source.wanted().unwrap_or(0))
        }
    };
    format!("replicas {} -> {to}: {why}", snapshot.replicas)
}

/// Which number of replicas the API server refused, and why, for an Event.
pub(super) fn scale_refused(snapshot: &Snapshot, to: u32, why: &str) -> String {
    format!("replicas {} -> {to} refused: {why}", snapshot.replicas)
}

/// Which Pods of departed bases were deleted, for an Event.
pub(super) fn pods_deleted(pods: &[&Pod]) -> String {
    let bases: Vec<&str> = pods.iter().filter_map(|pod| pod.departed_from()).collect();
    format!("deleted Pods of departed bases: {}", some_of(&bases))
}

/// Why the API server refused to delete Pods of departed bases, for an Event.
pub(super) fn deletion_refused(why: &str) -> String {
    format!("deletion of Pods of departed bases refused: {why}")
}

/// Which bases share a host name, for an Event.
pub(super) fn shared_hostname(hosts: &[String]) -> String {
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    format!(
        "several bases have the host name {}, and anti-affinity by host name lets only one of them carry the module",
        some_of(&hosts)
    )
}

/// The first of these names, and how many more there are.
fn some_of(names: &[&str]) -> String {
    let (first, others) = names.split_at(names.len().min(MAX_NAMES));
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
mod tests;
