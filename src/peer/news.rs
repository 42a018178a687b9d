//! Events about peer Deployments: told at once, published when the API server has time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::texts;
use crate::k8s::ObjectKey;
use crate::k8s::brief;
use crate::peer::Snapshot;

/// The reporting controller of warden's Events.
const CONTROLLER: &str = "koupleless-warden";
/// What is done about the Deployment.
const ACTION: &str = "Sync";
/// An Event that takes longer is given up, for those behind it.
const TIMEOUT: Duration = Duration::from_secs(3);
/// As many Events wait to be published; further ones are only in the log.
const MOST_WAITING: usize = 1024;
/// What is said again within this time after the last time makes no Event of its own, but is counted on the one that is
/// there (client-go's `refreshTime` of a series is as long).
const SAME: Duration = Duration::from_secs(6 * 60);

/// The reasons of Events: stable, for alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    /// The replicas were written.
    ReplicasSynced,
    /// Pods of departed bases were deleted.
    PodsDeleted,
    /// The replicas are not right, and stay so for now.
    SyncHeld,
    /// What was held is no longer.
    SyncResumed,
    /// The API server did not take the replicas.
    ScaleRefused,
    /// The API server did not let Pods of departed bases be deleted.
    DeletionRefused,
    /// Bases share a host name, and only one of them can carry the module.
    SharedHostname,
}

/// Where Events are told. Clones tell to the same.
#[derive(Clone)]
pub(super) struct News(Arc<Desk>);

struct Desk {
    client: Client,
    instance: String,
    timeout: Duration,
    waiting: Mutex<VecDeque<Told>>,
    woken: Notify,
}

/// An Event that is not published yet.
struct Told {
    about: ObjectReference,
    reason: Reason,
    note: String,
    at: Timestamp,
}

/// Who is told of what: equal ones are one Event.
type Topic = (Option<String>, Reason, String);

/// The Event of a topic that is there.
struct Published {
    name: String,
    count: i32,
    last: Instant,
}

impl News {
    /// Events of the process called `instance`. They are published by [`Self::publish`].
    pub(super) fn new(client: Client, instance: String) -> Self {
        Self::with_timeout(client, instance, TIMEOUT)
    }

    fn with_timeout(client: Client, instance: String, timeout: Duration) -> Self {
        let (waiting, woken) = (Mutex::default(), Notify::new());
        Self(Arc::new(Desk { client, instance, timeout, waiting, woken }))
    }

    /// Tells an Event about a Deployment, by a note that is cut to what an Event may hold. It is news only: nothing waits for
    /// it, and nothing fails by it.
    pub(super) fn tell(&self, key: &ObjectKey, seen: &Snapshot, reason: Reason, note: String) {
        let note = texts::cut(note);
        tracing::info!(deployment = %key, reason = reason.name(), "{note}");
        let about = ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("Deployment".to_owned()),
            name: Some(key.name.clone()),
            namespace: Some(key.namespace.clone()),
            uid: Some(seen.uid.clone()),
            ..Default::default()
        };
        let mut waiting = self.0.waiting();
        if waiting.len() < MOST_WAITING {
            waiting.push_back(Told { about, reason, note, at: Timestamp::now() });
            drop(waiting);
            self.0.woken.notify_one();
        } else {
            drop(waiting);
            tracing::debug!(deployment = %key, reason = reason.name(), "too many Events wait: not published");
        }
    }

    /// Publishes what is told, one after the other, until it is dropped. One that cannot be written is logged and given up.
    /// There can be one publisher.
    pub(super) async fn publish(&self) {
        let mut known = HashMap::new();
        loop {
            let told = self.0.next().await;
            let outcome = timeout(self.0.timeout, self.0.publish(&told, &mut known)).await;
            let error = match outcome {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => brief(&error),
                Err(_) => "no answer in time".to_owned(),
            };
            let (namespace, name) = (told.about.namespace.as_deref(), told.about.name.as_deref());
            tracing::warn!(namespace, name, reason = told.reason.name(), %error, "cannot publish an Event");
        }
    }
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Told>> {
        // A queue is whole at any time.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> Told {
        loop {
            let told = self.waiting().pop_front();
            if let Some(told) = told {
                return told;
            }
            self.woken.notified().await;
        }
    }

    async fn publish(&self, told: &Told, known: &mut HashMap<Topic, Published>) -> Result<(), kube::Error> {
        let namespace = told.about.namespace.as_deref().unwrap_or_default();
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let now = Instant::now();
        known.retain(|_, published| now < published.last + SAME);
        let topic = (told.about.uid.clone(), told.reason, told.note.clone());
        // What cannot be counted on, perhaps because it is gone, is not known any more.
        let Some(before) = known.remove(&topic) else {
            let event = self.event(told);
            events.create(&PostParams::default(), &event).await?;
            known.insert(topic, Published { name: event.metadata.name.unwrap_or_default(), count: 1, last: now });
            return Ok(());
        };
        let count = before.count.saturating_add(1);
        let series = EventSeries { count, last_observed_time: MicroTime(told.at) };
        let patch = Patch::Merge(json!({"series": series}));
        events.patch(&before.name, &PatchParams::default(), &patch).await?;
        known.insert(topic, Published { count, last: now, ..before });
        Ok(())
    }

    fn event(&self, told: &Told) -> Event {
        let name = told.about.name.as_deref().unwrap_or_default();
        Event {
            metadata: ObjectMeta {
                namespace: told.about.namespace.clone(),
                // As client-go names them.
                name: Some(format!("{name}.{:x}", told.at.as_nanosecond())),
                ..Default::default()
            },
            event_time: Some(MicroTime(told.at)),
            type_: Some(told.reason.event_type().to_owned()),
            reason: Some(told.reason.name().to_owned()),
            note: Some(told.note.clone()),
            action: Some(ACTION.to_owned()),
            regarding: Some(told.about.clone()),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Default::default()
        }
    }
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::ReplicasSynced => "ReplicasSynced",
            Self::PodsDeleted => "PodsDeleted",
            Self::SyncHeld => "SyncHeld",
            Self::SyncResumed => "SyncResumed",
            Self::ScaleRefused => "ScaleRefused",
            Self::DeletionRefused => "DeletionRefused",
            Self::SharedHostname => "SharedHostname",
        }
    }

    fn event_type(self) -> &'static str {
        match self {
            Self::ReplicasSynced | Self::PodsDeleted | Self::SyncResumed => "Normal",
            Self::SyncHeld | Self::ScaleRefused | Self::DeletionRefused | Self::SharedHostname => "Warning",
        }
    }
}

#[cfg(test)]
mod tests;
