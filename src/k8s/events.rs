//! An Event recorder. Events are recorded without waiting, and published by one task.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::round_robin::RoundRobin;
use super::{LogLimiter, ObjectKey, brief};

/// An Event that takes longer to publish is dropped, so that it does not delay the next ones.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How many Events may be pending. Beyond that the namespace with the most of them loses some: these are only logged.
const MAX_PENDING: usize = 1024;
/// An Event that is recorded again within this time is counted in the series of the stored one (client-go's `refreshTime` of a
/// series is as long).
const SERIES_WINDOW: Duration = Duration::from_secs(6 * 60);
/// How many series are remembered, as for client-go. Each different note is one, and a user of the cluster can cause any number.
const MAX_SERIES: usize = 4096;
/// The bytes of an object's name that the name of its Event begins with. The name of an Event may have 253 bytes, and a dot and
/// up to 32 hexadecimal digits follow.
const NAME_PREFIX_LIMIT: usize = 253 - 33;
/// The bytes that a note may have (`NoteLengthLimit` in Kubernetes' `pkg/apis/core/validation/events.go`).
const NOTE_LIMIT: usize = 1024;
/// The end of a note that was cut.
const ELLIPSIS: &str = "…";
/// The namespace of Events about objects of the whole cluster, as for client-go.
const NAMESPACE_OF_CLUSTER_OBJECTS: &str = "default";

/// Why an Event is recorded. Each controller implements it for an enum of its own.
pub trait EventReason {
    /// The reason: UpperCamelCase, at most 128 bytes. People build alerts on it, so it stays the same.
    fn reason(&self) -> &'static str;
    /// Whether people may have to do something.
    fn event_type(&self) -> EventType;
    /// What the controller was doing about the object, UpperCamelCase.
    fn action(&self) -> &'static str;
}

/// The type of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// For information.
    Normal,
    /// Something is not as it should be.
    Warning,
}

/// Records Events about any objects, for all controllers of a process. Clones record to the same queue.
///
/// [`Self::record`] neither waits nor fails: nothing that a controller does depends on its Events. [`Self::publish`] writes them
/// to the API server, in one task for all clones. Namespaces take turns, and where too many Events wait, the namespace with the most
/// of them loses some. So a user who causes any number of Events delays and crowds out only those about the own objects.
///
/// It is written by hand, since kube's `Recorder` keys its cache of series by the object and the reason, without the note: it
/// would count "replicas 4 -> 5" as a repetition of "replicas 3 -> 4", and people would read the first note only.
///
/// # RBAC
/// It needs `create` and `patch` of `events` in the group `events.k8s.io`, in the namespaces of the objects, or in `default`
/// for objects of the whole cluster.
///
/// ```no_run
/// use k8s_openapi::api::apps::v1::Deployment;
/// use koupleless_warden::k8s::{EventReason, EventRecorder, EventType, ObjectKey, object_reference};
///
/// /// Why the scaler records an Event.
/// enum ScalerEvent {
///     Scaled,
///     ScaleRefused,
/// }
///
/// impl EventReason for ScalerEvent {
///     fn reason(&self) -> &'static str {
///         match self {
///             Self::Scaled => "Scaled",
///             Self::ScaleRefused => "ScaleRefused",
///         }
///     }
///
///     fn event_type(&self) -> EventType {
///         match self {
///             Self::Scaled => EventType::Normal,
///             Self::ScaleRefused => EventType::Warning,
///         }
///     }
///
///     fn action(&self) -> &'static str {
///         "Scale"
///     }
/// }
///
/// # async fn scale(client: kube::Client) {
/// let events = EventRecorder::new(client, "example.io/scaler", "scaler-0");
/// let orders = ObjectKey { namespace: "shop".to_owned(), name: "orders".to_owned() };
/// let about = object_reference::<Deployment>(&orders, "8c2f7d3a-uid-of-orders");
/// events.record(&about, &ScalerEvent::Scaled, "replicas 3 -> 4");
/// events.record(&about, &ScalerEvent::ScaleRefused, "replicas 4 -> 5 refused: exceeded quota");
/// // In a task of its own:
/// events.publish().await;
/// # }
/// ```
#[derive(Clone)]
pub struct EventRecorder(Arc<Shared>);

struct Shared {
    client: Client,
    controller: &'static str,
    instance: String,
    timeout: Duration,
    /// By namespace.
    pending: Mutex<RoundRobin<String, Recorded>>,
    log: LogLimiter,
    /// An Event was recorded.
    recorded: Notify,
}

/// An Event that is not published yet.
struct Recorded {
    regarding: ObjectReference,
    reason: &'static str,
    event_type: EventType,
    action: &'static str,
    note: String,
    at: Timestamp,
}

/// The uid of the object, the reason and the note: Events that agree in these are one series.
type SeriesKey = (Option<String>, &'static str, String);

/// The stored Event of a series.
struct Series {
    name: String,
    count: i32,
    last: Instant,
}

/// A reference to the object of kind `K` and this key, for its Events. `kubectl describe` finds them by `uid`.
pub fn object_reference<K: Resource<DynamicType = ()>>(key: &ObjectKey, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: Some(key.name.clone()),
        namespace: Some(key.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        uid: Some(uid.to_owned()),
        ..Default::default()
    }
}

impl EventRecorder {
    /// A recorder of the Events that `controller` reports (a qualified name such as `example.io/scaler`, the same for all replicas)
    /// in its process called `instance`. They are published by [`Self::publish`].
    pub fn new(client: Client, controller: &'static str, instance: impl Into<String>) -> Self {
        Self::with_timeout(client, controller, instance.into(), TIMEOUT)
    }

    fn with_timeout(client: Client, controller: &'static str, instance: String, timeout: Duration) -> Self {
        let (pending, recorded) = (Mutex::default(), Notify::new());
        let log = LogLimiter::default();
        Self(Arc::new(Shared { client, controller, instance, timeout, pending, log, recorded }))
    }

    /// Records an Event about an object, and logs it. The note is cut to the 1024 bytes that an Event may hold. While 1024
    /// Events wait to be published, the namespace with the most of them loses one for each that another namespace records.
    pub fn record(&self, regarding: &ObjectReference, reason: &impl EventReason, note: impl Into<String>) {
        let event = Recorded {
            regarding: regarding.clone(),
            reason: reason.reason(),
            event_type: reason.event_type(),
            action: reason.action(),
            note: cut(note.into()),
            at: Timestamp::now(),
        };
        if let Some(suppressed) = self.0.log.admit(event.namespace()) {
            let (kind, namespace, name) = event.object();
            tracing::info!(kind, namespace, name, reason = event.reason, suppressed, "{}", event.note);
        }
        let namespace = event.namespace().to_owned();
        if let Some(dropped) = self.0.pending().push_within(MAX_PENDING, namespace, event) {
            let (kind, namespace, name) = dropped.object();
            tracing::debug!(kind, namespace, name, reason = dropped.reason, "too many Events wait: not published");
        }
        self.0.recorded.notify_one();
    }

    /// Publishes recorded Events one after the other, until it is dropped. An Event that cannot be written is logged and
    /// dropped. Only one task may publish.
    pub async fn publish(&self) {
        let mut series = HashMap::new();
        loop {
            let event = self.0.next().await;
            let outcome = timeout(self.0.timeout, self.0.publish(&event, &mut series)).await;
            let error = match outcome {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => brief(&error),
                Err(_) => "no answer in time".to_owned(),
            };
            if let Some(suppressed) = self.0.log.admit(event.namespace()) {
                let (_, namespace, name) = event.object();
                tracing::warn!(namespace, name, reason = event.reason, suppressed, %error, "cannot publish an Event");
            }
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, RoundRobin<String, Recorded>> {
        // No operation on the queue leaves it half changed.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> Recorded {
        loop {
            let event = self.pending().pop();
            if let Some(event) = event {
                return event;
            }
            self.recorded.notified().await;
        }
    }

    async fn publish(&self, event: &Recorded, known: &mut HashMap<SeriesKey, Series>) -> Result<(), kube::Error> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), event.namespace());
        let now = Instant::now();
        known.retain(|_, series| now < series.last + SERIES_WINDOW);
        let key = (event.regarding.uid.clone(), event.reason, event.note.clone());
        // A series that cannot be patched, for example because a person deleted its Event, is begun anew.
        let Some(before) = known.remove(&key) else {
            let stored = self.event(event);
            events.create(&PostParams::default(), &stored).await?;
            forget_oldest(known, MAX_SERIES - 1);
            known.insert(key, Series { name: stored.metadata.name.unwrap_or_default(), count: 1, last: now });
            return Ok(());
        };
        let count = before.count.saturating_add(1);
        let series = EventSeries { count, last_observed_time: MicroTime(event.at) };
        let patch = Patch::Merge(json!({"series": series}));
        events.patch(&before.name, &PatchParams::default(), &patch).await?;
        known.insert(key, Series { count, last: now, ..before });
        Ok(())
    }

    fn event(&self, event: &Recorded) -> Event {
        let name = event.regarding.name.as_deref().unwrap_or_default();
        // Each part of the name between dots must end with a letter or a digit.
        let name = name[..name.floor_char_boundary(NAME_PREFIX_LIMIT)].trim_end_matches(['.', '-']);
        Event {
            metadata: ObjectMeta {
                namespace: Some(event.namespace().to_owned()),
                // As client-go names them.
                name: Some(format!("{name}.{:x}", event.at.as_nanosecond())),
                ..Default::default()
            },
            event_time: Some(MicroTime(event.at)),
            type_: Some(event.event_type.name().to_owned()),
            reason: Some(event.reason.to_owned()),
            note: Some(event.note.clone()),
            action: Some(event.action.to_owned()),
            regarding: Some(event.regarding.clone()),
            reporting_controller: Some(self.controller.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Default::default()
        }
    }
}

impl Recorded {
    /// The kind, namespace and name of the object, for the log.
    fn object(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        let about = &self.regarding;
        (about.kind.as_deref(), about.namespace.as_deref(), about.name.as_deref())
    }

    fn namespace(&self) -> &str {
        self.regarding.namespace.as_deref().unwrap_or(NAMESPACE_OF_CLUSTER_OBJECTS)
    }
}

impl EventType {
    fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Forgets the series that were observed the longest ago, until no more than `limit` are left.
fn forget_oldest(known: &mut HashMap<SeriesKey, Series>, limit: usize) {
    while known.len() > limit {
        let oldest = known.iter().min_by_key(|(_, series)| series.last).map(|(key, _)| key.clone());
        let Some(oldest) = oldest else { return };
        known.remove(&oldest);
    }
}

/// A note that the API server accepts.
fn cut(note: String) -> String {
    if note.len() <= NOTE_LIMIT {
        return note;
    }
    let end = note.floor_char_boundary(NOTE_LIMIT - ELLIPSIS.len());
    format!("{}{ELLIPSIS}", &note[..end])
}

#[cfg(test)]
mod tests;
