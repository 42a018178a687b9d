//! Events as a scripted API server receives them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;

use axum::http::{Method, Request, Response};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;
use kube::client::Body;
use rstest::rstest;
use serde_json::Value;
use tokio::sync::mpsc;

use super::*;

/// More than anything takes here.
const LONG: Duration = Duration::from_secs(20);
const CONTROLLER: &str = "example.io/scaler";

/// The one reason of these tests.
struct Held;

impl EventReason for Held {
    fn reason(&self) -> &'static str {
        "SyncHeld"
    }

    fn event_type(&self) -> EventType {
        EventType::Warning
    }

    fn action(&self) -> &'static str {
        "Sync"
    }
}

/// A request to the API server.
#[derive(Debug)]
struct Received {
    method: Method,
    path: String,
    body: Value,
}

/// What the API server does with a request.
#[derive(Clone, Copy)]
enum Answers {
    Success,
    NotFound,
    Never,
}

impl EventRecorder {
    /// The reasons and notes of the Events that wait to be published, which no longer wait then.
    pub(crate) fn take_pending(&self) -> Vec<(&'static str, String)> {
        std::iter::from_fn(|| self.0.pending().pop()).map(|event| (event.reason, event.note)).collect()
    }
}

/// An API server that answers the first requests so and all further ones with success, and the requests that it receives.
fn api_server(answers: impl IntoIterator<Item = Answers>) -> (Client, mpsc::UnboundedReceiver<Received>) {
    let (sender, received) = mpsc::unbounded_channel();
    let mut answers: VecDeque<Answers> = answers.into_iter().collect();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (sender, answer) = (sender.clone(), answers.pop_front().unwrap_or(Answers::Success));
        async move {
            let (head, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap();
            let body: Value = serde_json::from_slice(&bytes).unwrap();
            let request = Received { method: head.method, path: head.uri.path().to_owned(), body: body.clone() };
            let _ = sender.send(request);
            let answer = match answer {
                Answers::Success => Response::new(Body::from(stored(body).to_string().into_bytes())),
                Answers::NotFound => Response::builder().status(404).body(Body::from(b"{}".to_vec())).unwrap(),
                Answers::Never => pending().await,
            };
            Ok::<_, Infallible>(answer)
        }
    });
    (Client::new(service, "default"), received)
}

/// An Event as the API server gives it back.
fn stored(mut event: Value) -> Value {
    event["metadata"]["name"] = json!("stored");
    event["eventTime"] = json!("2026-11-01T00:00:00.000000Z");
    event
}

fn recorder(client: Client) -> EventRecorder {
    EventRecorder::new(client, CONTROLLER, "me")
}

fn record(events: &EventRecorder, note: &str) {
    let key = ObjectKey { namespace: "shop".to_owned(), name: "orders".to_owned() };
    events.record(&object_reference::<Deployment>(&key, "the-deployment"), &Held, note);
}

/// Publishes until the API server has received so many requests.
async fn published<const TIMES: usize>(
    events: &EventRecorder,
    received: &mut mpsc::UnboundedReceiver<Received>,
) -> [Received; TIMES] {
    let requests = async {
        let mut all = Vec::new();
        while all.len() < TIMES {
            all.push(received.recv().await.unwrap());
        }
        all
    };
    tokio::select! {
        () = events.publish() => unreachable!("publish never ends"),
        all = timeout(LONG, requests) => all.unwrap().try_into().unwrap(),
    }
}

#[rstest]
#[tokio::test]
async fn an_event_has_the_fields_that_kubernetes_asks_for() {
    // Given an Event that is recorded
    let (client, mut received) = api_server([]);
    let events = recorder(client);
    record(&events, "replicas stay 10 for now");
    // When it is published
    let [Received { method, path, body }] = published(&events, &mut received).await;
    // Then it is an Event of its Deployment
    assert_eq!((method, path.as_str()), (Method::POST, "/apis/events.k8s.io/v1/namespaces/shop/events"));
    assert_eq!(
        (&body["reason"], &body["type"], &body["action"]),
        (&json!("SyncHeld"), &json!("Warning"), &json!("Sync"))
    );
    assert_eq!(body["note"], "replicas stay 10 for now");
    assert_eq!(
        body["regarding"],
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "orders", "uid": "the-deployment"})
    );
    assert_eq!((&body["reportingController"], &body["reportingInstance"]), (&json!(CONTROLLER), &json!("me")));
    assert!(body["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("orders.")), "{body}");
    assert!(body["eventTime"].is_string() && body["series"].is_null(), "{body}");
}

#[rstest]
#[tokio::test]
async fn an_event_about_an_object_of_the_whole_cluster_is_in_namespace_default() {
    let (client, mut received) = api_server([]);
    let events = recorder(client);
    let node = ObjectKey { namespace: String::new(), name: "vnode.a".to_owned() };
    events.record(&object_reference::<Node>(&node, "the-node"), &Held, "cordoned");

    let [Received { path, body, .. }] = published(&events, &mut received).await;

    assert_eq!(path, "/apis/events.k8s.io/v1/namespaces/default/events");
    assert_eq!(body["regarding"], json!({"apiVersion": "v1", "kind": "Node", "name": "vnode.a", "uid": "the-node"}));
}

#[rstest]
#[tokio::test]
async fn another_note_is_another_event_and_the_same_note_is_counted() {
    let (client, mut received) = api_server([]);
    let events = recorder(client);
    // Given the same reason with another note, and the first note twice more
    for note in ["3 -> 4", "4 -> 5", "3 -> 4", "3 -> 4"] {
        record(&events, note);
    }
    // When they are published
    let [first, second, third, fourth] = published(&events, &mut received).await;
    // Then there are two Events, and the first is counted as often as it was recorded
    assert_eq!([&first.body["note"], &second.body["note"]], ["3 -> 4", "4 -> 5"]);
    let name = first.body["metadata"]["name"].as_str().unwrap();
    for (again, count) in [(third, 2), (fourth, 3)] {
        assert_eq!(again.method, Method::PATCH);
        assert!(again.path.ends_with(&format!("/events/{name}")), "{}", again.path);
        assert_eq!(again.body["series"]["count"], count);
        assert!(again.body["series"]["lastObservedTime"].is_string() && again.body["note"].is_null(), "{again:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_series_whose_event_is_gone_begins_anew() {
    // Given an Event that a person deleted
    let (client, mut received) = api_server([Answers::Success, Answers::NotFound]);
    let events = recorder(client);
    for _ in 0..3 {
        record(&events, "3 -> 4");
    }

    let methods = published::<3>(&events, &mut received).await.map(|request| request.method);

    assert_eq!(methods, [Method::POST, Method::PATCH, Method::POST]);
}

#[rstest]
#[tokio::test]
async fn an_event_without_an_answer_does_not_block_the_next() {
    // Given an API server that does not answer the first request
    let (client, mut received) = api_server([Answers::Never]);
    let events = EventRecorder::with_timeout(client, CONTROLLER, "me".to_owned(), Duration::from_millis(50));
    record(&events, "first");
    record(&events, "second");

    let [_, second] = published(&events, &mut received).await;

    assert_eq!(second.body["note"], "second");
}

#[rstest]
#[case::short("orders".to_owned(), "orders")]
#[case::longest("o".repeat(253), &"o".repeat(220))]
#[case::cut_behind_a_dot(format!("{}.{}", "o".repeat(219), "o".repeat(33)), &"o".repeat(219))]
#[tokio::test]
async fn the_name_of_an_event_is_valid_whatever_the_name_of_its_object(#[case] name: String, #[case] prefix: &str) {
    let (client, mut received) = api_server([]);
    let events = recorder(client);
    let key = ObjectKey { namespace: "shop".to_owned(), name };
    events.record(&object_reference::<Deployment>(&key, "the-deployment"), &Held, "3 -> 4");

    let [Received { body, .. }] = published(&events, &mut received).await;

    let name = body["metadata"]["name"].as_str().unwrap();
    assert!(name.len() <= 253 && name.rsplit_once('.').is_some_and(|(before, _)| before == prefix), "{name}");
}

#[test]
fn of_too_many_series_the_oldest_are_forgotten() {
    // Given series that were observed one after the other
    let began = Instant::now();
    let series = |at: usize| {
        let last = began + Duration::from_secs(at as u64);
        ((None, "SyncHeld", at.to_string()), Series { name: String::new(), count: 1, last })
    };
    let mut known: HashMap<SeriesKey, Series> = (0..10).map(series).collect();
    // When there is room for three
    forget_oldest(&mut known, 3);
    // Then the last three are left
    let mut notes: Vec<_> = known.into_keys().map(|(_, _, note)| note).collect();
    notes.sort_unstable();
    assert_eq!(notes, ["7", "8", "9"]);
}

#[rstest]
#[tokio::test]
async fn the_queue_is_bounded() {
    // Given a recorder that does not publish
    let (client, _received) = api_server([]);
    let events = recorder(client);

    for number in 0..=MAX_PENDING {
        record(&events, &number.to_string());
    }

    let pending = events.take_pending();
    assert_eq!(pending.len(), MAX_PENDING);
    assert_eq!(pending[0].1, "0");
}

#[rstest]
#[tokio::test]
async fn a_namespace_with_many_events_does_not_crowd_out_another() {
    // Given a tenant whose Events are more than may wait
    let (client, mut received) = api_server([]);
    let events = recorder(client);
    let record_in = |namespace: &str, note: &str| {
        let key = ObjectKey { namespace: namespace.to_owned(), name: "orders".to_owned() };
        events.record(&object_reference::<Deployment>(&key, "the-deployment"), &Held, note);
    };
    (0..2 * MAX_PENDING).for_each(|number| record_in("bulk", &number.to_string()));
    // When something is recorded about an object of another
    record_in("shop", "replicas stay 10 for now");
    // Then it is among the first that are published
    let notes = published::<2>(&events, &mut received).await.map(|request| request.body["note"].clone());
    assert!(notes.contains(&json!("replicas stay 10 for now")), "{notes:?}");
}

#[rstest]
#[tokio::test]
async fn a_long_note_is_cut_before_it_waits() {
    let (client, _received) = api_server([]);
    let events = recorder(client);

    record(&events, &"基".repeat(500));

    let pending = events.take_pending();
    assert!(pending[0].1.len() <= NOTE_LIMIT && pending[0].1.ends_with(ELLIPSIS));
}

#[rstest]
#[case::short("orders", 10)]
#[case::just_as_long("o", 1024)]
#[case::longer("o", 1025)]
#[case::much_longer("o", 5000)]
#[case::cut_within_a_character("基", 400)]
#[case::one_byte_more_before_it("a基", 300)]
fn a_note_fits_the_limit(#[case] part: &str, #[case] times: usize) {
    let note = part.repeat(times);

    let cut = cut(note.clone());

    let is_short = note.len() <= 1024;
    assert!(cut.len() <= 1024 && (is_short || cut.len() > 1018), "{} bytes", cut.len());
    assert_eq!(cut == note, is_short);
    assert_eq!(cut.ends_with('…'), !is_short);
    assert!(note.starts_with(cut.trim_end_matches('…')));
}
