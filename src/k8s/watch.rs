//! List and watch, for ever.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher::DefaultBackoff;
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use super::list::list;
use super::{Update, brief};

/// How long one watch lasts by default, in seconds, as for client-go and kube.
const WATCH_SECONDS: u32 = 290;
/// How much longer than its watch a connection may last before it counts as dead.
const MARGIN: Duration = Duration::from_secs(5);
/// A watch that ends sooner, without an event and without an error, counts as failed (as for client-go).
const SHORTEST_WATCH: Duration = Duration::from_secs(1);

/// So many watches in a row that fail make it list again. An API server whose etcd was restored from a backup refuses each watch
/// from a resourceVersion that it has not reached yet (client-go lists again after nearly every error).
const FAILURES_BEFORE_LIST: u32 = 3;

/// What to list and then to watch.
///
/// It lists in pages that are bounded by bytes, so that memory does not grow with the size of the objects. It watches from the
/// resourceVersion of the list, resumes a watch that ended, and lists again, after a backoff, when the API server no longer has
/// the resourceVersion to resume from.
///
/// # RBAC
/// It needs `list` and `watch` of the objects.
///
/// ```no_run
/// # async fn example(client: kube::Client) {
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use koupleless_warden::k8s::{Update, Watch};
/// use kube::{Api, ResourceExt as _};
///
/// let mut names = std::collections::BTreeSet::new();
/// Watch::of(Api::<ConfigMap>::default_namespaced(client), "ConfigMaps")
///     .labels("app=orders")
///     .run(|object| (object.name_any(), ()), |update| match update {
///         Update::Apply(name, ()) => drop(names.insert(name)),
///         Update::Delete(name) => drop(names.remove(&name)),
///         Update::Reset(all) => names = all.into_iter().map(|(name, ())| name).collect(),
///     })
///     .await;
/// # }
/// ```
#[derive(Debug)]
pub struct Watch<K> {
    api: Api<K>,
    labels: Option<String>,
    fields: Option<String>,
    seconds: u32,
    health: WatchHealth,
}

/// Whether a watch is interrupted. The log has a warning when that begins, and a line when it ends.
#[derive(Debug)]
struct WatchHealth {
    objects: String,
    is_interrupted: bool,
}

/// What to do after a watch has ended.
enum Next {
    /// Watch from the last resourceVersion.
    Resume,
    /// The same, after a backoff.
    ResumeLater,
    /// List again, after a backoff: the API server no longer has that resourceVersion, or sent an event that cannot be decoded.
    Relist,
}

impl<K> Watch<K> {
    /// All objects that `api` reaches. The log calls them `objects`.
    pub fn of(api: Api<K>, objects: impl Display) -> Self {
        let health = WatchHealth { objects: objects.to_string(), is_interrupted: false };
        Self { api, labels: None, fields: None, seconds: WATCH_SECONDS, health }
    }

    /// Only those that this label selector selects.
    #[must_use]
    pub fn labels(self, selector: impl Into<String>) -> Self {
        Self { labels: Some(selector.into()), ..self }
    }

    /// Only those that this field selector selects. The API server knows a few fields of each kind; of all kinds `metadata.name` and
    /// `metadata.namespace`.
    #[must_use]
    pub fn fields(self, selector: impl Into<String>) -> Self {
        Self { fields: Some(selector.into()), ..self }
    }

    /// Only the object called `name`. RBAC can restrict the rights to this name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.fields(format!("metadata.name={name}"))
    }

    /// Each watch lasts so many seconds; 290 by default. A dead connection is noticed 5 s after that at the latest.
    #[must_use]
    pub fn lasting(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }
}

impl<K> Watch<K>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    /// Passes every update to `apply`, with the key and the facts that `read` finds in each object: one [`Update::Reset`] when a
    /// list is complete, then each change. Runs until it is dropped.
    pub async fn run<Key, T>(mut self, read: impl Fn(K) -> (Key, T), mut apply: impl FnMut(Update<Key, T>)) {
        let params = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            ..ListParams::default()
        };
        let mut backoff = DefaultBackoff::default();
        loop {
            match list(&self.api, &params, &read).await {
                Ok(listed) => {
                    self.health.resumed();
                    backoff.reset();
                    apply(Update::Reset(listed.items));
                    self.watch(listed.resource_version, &read, &mut apply, &mut backoff).await;
                }
                Err(error) => self.health.interrupted_by(&error),
            }
            pause(&mut backoff).await;
        }
    }

    /// Watches from `version` on until a new list is needed.
    async fn watch<Key, T>(
        &mut self,
        mut version: String,
        read: &impl Fn(K) -> (Key, T),
        apply: &mut impl FnMut(Update<Key, T>),
        backoff: &mut DefaultBackoff,
    ) {
        let mut failures = 0;
        while failures < FAILURES_BEFORE_LIST {
            match self.watch_once(&mut version, read, apply, backoff).await {
                Next::Resume => failures = 0,
                Next::ResumeLater => {
                    failures += 1;
                    pause(backoff).await;
                }
                Next::Relist => return,
            }
        }
    }

    async fn watch_once<Key, T>(
        &mut self,
        version: &mut String,
        read: &impl Fn(K) -> (Key, T),
        apply: &mut impl FnMut(Update<Key, T>),
        backoff: &mut DefaultBackoff,
    ) -> Next {
        let params = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(self.seconds),
            ..WatchParams::default()
        };
        let began = Instant::now();
        let deadline = began + Duration::from_secs(u64::from(self.seconds)) + MARGIN;
        let mut any = false;
        let mut events = match timeout_at(deadline, self.api.watch(&params, version)).await {
            Ok(Ok(events)) => pin!(events),
            Ok(Err(error)) => return self.after(&error),
            Err(_) => return Next::Resume,
        };
        loop {
            // The API server ends the watch before the deadline: a connection that is open by then is dead.
            let Ok(Some(event)) = timeout_at(deadline, events.next()).await else {
                let failed = !any && began.elapsed() < SHORTEST_WATCH;
                return if failed { Next::ResumeLater } else { Next::Resume };
            };
            let update = match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    *version = object.resource_version().unwrap_or_default();
                    let (key, facts) = read(object);
                    Some(Update::Apply(key, facts))
                }
                Ok(WatchEvent::Deleted(object)) => {
                    *version = object.resource_version().unwrap_or_default();
                    Some(Update::Delete(read(object).0))
                }
                Ok(WatchEvent::Bookmark(bookmark)) => {
                    *version = bookmark.metadata.resource_version;
                    None
                }
                Ok(WatchEvent::Error(status)) => return self.after(&kube::Error::Api(status)),
                Err(error) => return self.after(&error),
            };
            any = true;
            self.health.resumed();
            backoff.reset();
            update.into_iter().for_each(&mut *apply);
        }
    }

    /// What to do after `error`.
    fn after(&mut self, error: &kube::Error) -> Next {
        match error {
            // etcd is compacted every five minutes: nothing is wrong.
            kube::Error::Api(status) if status.code == 410 => Next::Relist,
            // To resume would give the same event again. kube reads an event that it cannot decode as a Status, which then has
            // no code.
            kube::Error::Api(status) if status.code == 0 => self.relist_after(error),
            kube::Error::SerdeError(_) => self.relist_after(error),
            _ => {
                self.health.interrupted_by(error);
                Next::ResumeLater
            }
        }
    }

    fn relist_after(&mut self, error: &kube::Error) -> Next {
        self.health.interrupted_by(error);
        Next::Relist
    }
}

async fn pause(backoff: &mut DefaultBackoff) {
    // The backoff never ends. The fallback only prevents a busy loop.
    sleep(backoff.next().unwrap_or(SHORTEST_WATCH)).await;
}

/// Passes the object called `name` to `apply`, now and whenever it changes; none while it does not exist. Runs until it is
/// dropped. The log calls it `what`.
///
/// A dead connection is noticed within 35 s: to watch a single object again costs little.
///
/// # RBAC
/// It needs `list` and `watch` of this object, which can be restricted to its name.
pub fn watch_one<K>(
    api: Api<K>,
    name: &str,
    what: impl Display,
    mut apply: impl FnMut(Option<K>),
) -> impl Future<Output = ()>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let watch = Watch::of(api, what).named(name).lasting(30);
    watch.run(
        |object| ((), object),
        move |update| {
            apply(match update {
                Update::Apply((), object) => Some(object),
                Update::Delete(()) => None,
                Update::Reset(all) => all.into_iter().next().map(|((), object)| object),
            });
        },
    )
}

impl WatchHealth {
    fn resumed(&mut self) {
        if std::mem::take(&mut self.is_interrupted) {
            tracing::info!("the watch of {} goes on", self.objects);
        }
    }

    fn interrupted_by(&mut self, error: &(dyn Error + 'static)) {
        if std::mem::replace(&mut self.is_interrupted, true) {
            tracing::debug!(error = %brief(error), "the watch of {} is still interrupted", self.objects);
        } else {
            tracing::warn!(error = %brief(error), "the watch of {} is interrupted", self.objects);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use axum::http;
    use futures::FutureExt as _;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Client;
    use kube::client::Body;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// What an API server that follows a script is asked, and answers.
    enum Step {
        /// A list with these names.
        List(&'static [&'static str]),
        /// A watch from this resourceVersion, with these events.
        Watch(&'static str, Vec<Value>),
        /// A watch that is refused with this code.
        Refused(u16),
        /// A list that is refused with this code.
        Unlisted(u16),
    }

    /// Answers by `script`, and never again after its end.
    fn api_server(script: Vec<Step>) -> (Api<ConfigMap>, Arc<Mutex<VecDeque<Step>>>) {
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let steps = Arc::clone(&script);
        let answers = tower::service_fn(move |request: http::Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let step = steps.lock().unwrap().pop_front();
            async move {
                let is_watch = query.contains("watch=true");
                let (code, body) = match step {
                    None => std::future::pending().await,
                    Some(Step::List(names)) => {
                        assert!(!is_watch, "{query}");
                        let items: Vec<_> = names.iter().map(|name| object(name, "5")).collect();
                        (200, json!({"metadata": {"resourceVersion": "5"}, "items": items}).to_string())
                    }
                    Some(Step::Watch(version, events)) => {
                        assert!(is_watch && query.contains(&format!("resourceVersion={version}")), "{query}");
                        (200, events.iter().map(|event| format!("{event}\n")).collect())
                    }
                    Some(Step::Refused(code) | Step::Unlisted(code)) => (code, json!({"code": code}).to_string()),
                };
                let mut response = http::Response::new(Body::from(body.into_bytes()));
                *response.status_mut() = http::StatusCode::from_u16(code).unwrap();
                Ok::<_, Infallible>(response)
            }
        });
        (Api::default_namespaced(Client::new(answers, "default")), script)
    }

    fn object(name: &str, version: &str) -> Value {
        json!({"metadata": {"name": name, "resourceVersion": version}})
    }

    fn event(kind: &str, name: &str, version: &str) -> Value {
        json!({"type": kind, "object": object(name, version)})
    }

    /// The updates that are applied by the time that the API server has come to the end of its script.
    async fn applied(script: Vec<Step>) -> Vec<String> {
        let (api, script) = api_server(script);
        let mut applied = Vec::new();
        let name = |object: ConfigMap| (object.name_any(), object.resource_version().unwrap_or_default());
        let run = Watch::of(api, "ConfigMaps").run(name, |update| {
            applied.push(match update {
                Update::Apply(name, version) => format!("{name} at {version}"),
                Update::Delete(name) => format!("{name} gone"),
                Update::Reset(all) => {
                    format!("all: {}", all.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" "))
                }
            });
        });
        let ended = async {
            while !script.lock().unwrap().is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
            // The last answer is read.
            sleep(Duration::from_millis(10)).await;
        };
        futures::select_biased! {
            () = Box::pin(run.fuse()) => {}
            () = Box::pin(ended.fuse()) => {}
        }
        applied
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_applied_as_a_whole_and_then_every_change() {
        let script = vec![
            Step::List(&["a", "b"]),
            Step::Watch("5", vec![event("ADDED", "c", "6"), event("MODIFIED", "a", "7"), event("DELETED", "b", "8")]),
            Step::Watch(
                "8",
                vec![
                    json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}, "kind": "ConfigMap", "apiVersion": "v1"}}),
                ],
            ),
            Step::Watch("9", vec![]),
        ];
        assert_eq!(applied(script).await, ["all: a b", "c at 6", "a at 7", "b gone"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_api_server_has_forgotten_is_listed_anew() {
        let expired = json!({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}});
        let script = vec![
            Step::List(&["a", "b"]),
            Step::Watch("5", vec![event("MODIFIED", "a", "6"), expired]),
            Step::List(&["b"]),
            Step::Refused(410),
            Step::List(&["c"]),
        ];
        assert_eq!(applied(script).await, ["all: a b", "a at 6", "all: b", "all: c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_fault_the_watch_goes_on_where_it_was() {
        let script = vec![
            Step::Unlisted(500),
            Step::List(&["a"]),
            Step::Watch("5", vec![event("MODIFIED", "a", "6")]),
            Step::Refused(503),
            Step::Watch("6", vec![event("MODIFIED", "a", "7")]),
        ];
        assert_eq!(applied(script).await, ["all: a", "a at 6", "a at 7"]);
    }

    #[rstest]
    #[case::an_event_of_another_shape(json!({"type": "ADDED", "object": {"metadata": "garbage"}}))]
    #[case::neither_an_event_nor_a_status(json!("garbage"))]
    #[tokio::test(start_paused = true)]
    async fn after_an_event_that_cannot_be_decoded_objects_are_listed_again(#[case] event: Value) {
        let script = vec![Step::List(&["a"]), Step::Watch("5", vec![event]), Step::List(&["a", "b"])];
        assert_eq!(applied(script).await, ["all: a", "all: a b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn objects_are_listed_again_when_watches_keep_failing() {
        // Given an API server that was restored, and that does not know the resourceVersion of its clients yet
        let refused = || Step::Refused(504);
        let script = vec![Step::List(&["a"]), refused(), refused(), refused(), Step::List(&["b"])];
        assert_eq!(applied(script).await, ["all: a", "all: b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_ends_at_once_is_not_asked_for_at_once() {
        // Given an API server that ends each watch without a word
        let watches = || (0..3).map(|_| Step::Watch("5", vec![]));
        let lists = || std::iter::once(Step::List(&[]));
        let script = lists().chain(watches()).chain(lists()).chain(watches()).collect();
        // When it is watched
        let began = Instant::now();
        applied(script).await;
        // Then there is a longer and longer pause between
        assert!(began.elapsed() > Duration::from_secs(4), "{:?}", began.elapsed());
    }
}
