//! What people are told of a peer Deployment: Events and the line on it.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::{Hold, Step};
use crate::cluster::{LeftAlone, ObjectKey, Snapshot, Source};
use crate::vocabulary as words;

/// The reporting controller of warden's Events.
const CONTROLLER: &str = "koupleless-warden";

/// The reasons of Events: stable, for alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The replicas were written.
    ReplicasSynced,
    /// The replicas are not right, and stay so for now.
    SyncHeld,
    /// What was held is no longer.
    SyncResumed,
    /// The API server did not take the replicas.
    ScaleRefused,
    /// Bases share a host name, and only one of them can carry the module.
    SharedHostname,
}

/// Publishes Events.
#[derive(Clone)]
pub(super) struct News(Recorder);

impl News {
    /// Events of the process called `instance`.
    pub(super) fn new(client: Client, instance: String) -> Self {
        Self(Recorder::new(client, Reporter { controller: CONTROLLER.to_owned(), instance: Some(instance) }))
    }

    /// Publishes an Event about a Deployment. It is news only: one that cannot be written is logged, and nothing waits for it.
    pub(super) async fn tell(&self, key: &ObjectKey, seen: &Snapshot, reason: Reason, note: String) {
        let about = ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("Deployment".to_owned()),
            name: Some(key.name.clone()),
            namespace: Some(key.namespace.clone()),
            uid: Some(seen.uid.clone()),
            ..Default::default()
        };
        tracing::info!(deployment = %key, reason = reason.name(), "{note}");
        let event = Event {
            type_: reason.event_type(),
            reason: reason.name().to_owned(),
            note: Some(note),
            action: "Sync".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.0.publish(&event, &about).await {
            tracing::warn!(deployment = %key, reason = reason.name(), %error, "cannot publish an Event");
        }
    }
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::ReplicasSynced => "ReplicasSynced",
            Self::SyncHeld => "SyncHeld",
            Self::SyncResumed => "SyncResumed",
            Self::ScaleRefused => "ScaleRefused",
            Self::SharedHostname => "SharedHostname",
        }
    }

    fn event_type(self) -> EventType {
        match self {
            Self::ReplicasSynced | Self::SyncResumed => EventType::Normal,
            Self::SyncHeld | Self::ScaleRefused | Self::SharedHostname => EventType::Warning,
        }
    }
}

/// The line to write on the Deployment; none while it says the same already, or where nothing may be written there.
///
/// Only what lasts is written: a number that is right, or one that is held.
pub(super) fn status_line(seen: &Snapshot, step: &Step) -> Option<String> {
    let says = match (seen.left_alone, step) {
        (Some(LeftAlone::NotInjected), _) => return None,
        (Some(LeftAlone::Paused), _) => format!("left to the user: {}", words::PEER_PAUSED),
        (Some(LeftAlone::ReplicasControl), _) => format!("left to the user: {}", words::REPLICAS_CONTROL.current),
        (None, Step::Keep) => numbers(seen),
        (None, Step::Hold { reason, .. }) if reason.is_news() => format!("{}, held: {reason}", numbers(seen)),
        (None, Step::Hold { .. } | Step::Scale { .. }) => return None,
    };
    let said = seen.status_line.as_deref().unwrap_or_default();
    let said = said.rsplit_once(", ").map_or(said, |(text, _time)| text);
    // Whole seconds, in UTC: the form that Kubernetes gives times.
    let now = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ");
    (said != says).then(|| format!("{says}, {now}"))
}

/// Why something is held, for an Event.
pub(super) fn held(seen: &Snapshot, reason: &Hold) -> String {
    format!("replicas stay {} for now: {reason}", seen.replicas)
}

/// What the replicas were written to, for an Event.
pub(super) fn synced(seen: &Snapshot, to: u32) -> String {
    format!("replicas {} -> {to}: {}", seen.replicas, wanted(seen))
}

/// Which bases share a host name, for an Event.
pub(super) fn shared(hosts: &[String]) -> String {
    format!(
        "several bases have the host name {}, and anti-affinity by host name lets only one of them carry the module",
        hosts.join(", ")
    )
}

fn numbers(seen: &Snapshot) -> String {
    let count = seen.source.wanted().map_or("?".to_owned(), |count| count.to_string());
    match &seen.source {
        Source::Bases { .. } => format!("{}/{count} bases", seen.replicas),
        Source::Followed { workload, .. } => format!("{}/{count} ready of {workload}", seen.replicas),
    }
}

fn wanted(seen: &Snapshot) -> String {
    match &seen.source {
        Source::Bases { count, .. } => format!("{count} bases fit"),
        Source::Followed { workload, .. } => {
            format!("{} replicas of {workload} are ready", seen.source.wanted().unwrap_or(0))
        }
    }
}
