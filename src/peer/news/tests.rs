//! Events as an API server gets them that is scripted here.

use std::convert::Infallible;
use std::future::pending;

use axum::http::{Method, Request, Response};
use kube::client::Body;
use rstest::rstest;
use serde_json::Value;
use tokio::sync::mpsc;

use super::*;
use crate::peer::testing::Cluster;

/// More than anything takes here.
const LONG: Duration = Duration::from_secs(20);

/// A request to the API server.
#[derive(Debug)]
struct Asked {
    method: Method,
    path: String,
    body: Value,
}

/// What the API server does with one.
#[derive(Clone, Copy)]
enum Does {
    Answers,
    Refuses,
    Nothing,
}

impl News {
    /// What was told and is not published yet.
    pub(in crate::peer) fn told(&self) -> Vec<(Reason, String)> {
        self.0.waiting().drain(..).map(|told| (told.reason, told.note)).collect()
    }
}

/// An API server that does these with the first requests and answers all further ones, and what it was asked.
fn api_server(does: impl IntoIterator<Item = Does>) -> (Client, mpsc::UnboundedReceiver<Asked>) {
    let (sender, asked) = mpsc::unbounded_channel();
    let mut does: VecDeque<Does> = does.into_iter().collect();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (sender, does) = (sender.clone(), does.pop_front().unwrap_or(Does::Answers));
        async move {
            let (head, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap();
            let body: Value = serde_json::from_slice(&bytes).unwrap();
            let asked = Asked { method: head.method, path: head.uri.path().to_owned(), body: body.clone() };
            let _ = sender.send(asked);
            let answer = match does {
                Does::Answers => Response::new(Body::from(answered(body).to_string().into_bytes())),
                Does::Refuses => Response::builder().status(404).body(Body::from(b"{}".to_vec())).unwrap(),
                Does::Nothing => pending().await,
            };
            Ok::<_, Infallible>(answer)
        }
    });
    (Client::new(service, "default"), asked)
}

/// An Event as stored, whole.
fn answered(mut event: Value) -> Value {
    event["metadata"]["name"] = json!("stored");
    event["eventTime"] = json!("2026-11-01T00:00:00.000000Z");
    event
}

fn key() -> ObjectKey {
    ObjectKey { namespace: "shop".to_owned(), name: "orders".to_owned() }
}

fn tell(news: &News, note: &str) {
    news.tell(&key(), &Cluster::of(2).snapshot(), Reason::SyncHeld, note.to_owned());
}

/// Publishes until the API server was asked so often.
async fn asked<const TIMES: usize>(news: &News, asked: &mut mpsc::UnboundedReceiver<Asked>) -> [Asked; TIMES] {
    let asks = async {
        let mut all = Vec::new();
        while all.len() < TIMES {
            all.push(asked.recv().await.unwrap());
        }
        all
    };
    tokio::select! {
        () = news.publish() => unreachable!(),
        all = timeout(LONG, asks) => all.unwrap().try_into().unwrap(),
    }
}

#[rstest]
#[tokio::test]
async fn an_event_says_what_kubernetes_wants_to_know() {
    // Given one that is told
    let (client, mut requests) = api_server([]);
    let news = News::new(client, "me".to_owned());
    tell(&news, "replicas stay 10 for now");
    // When it is published
    let [Asked { method, path, body }] = asked(&news, &mut requests).await;
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
async fn other_words_are_another_event_and_the_same_are_counted() {
    let (client, mut requests) = api_server([]);
    let news = News::new(client, "me".to_owned());
    // Given the same reason with different words, and the first ones twice more
    for note in ["3 -> 4", "4 -> 5", "3 -> 4", "3 -> 4"] {
        tell(&news, note);
    }
    // When they are published
    let [first, second, third, fourth] = asked(&news, &mut requests).await;
    // Then people read both, and the first one as often as it was told
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
async fn what_cannot_be_counted_on_any_more_is_an_event_again() {
    // Given an Event that somebody deleted
    let (client, mut requests) = api_server([Does::Answers, Does::Refuses]);
    let news = News::new(client, "me".to_owned());
    for _ in 0..3 {
        tell(&news, "3 -> 4");
    }

    let methods = asked::<3>(&news, &mut requests).await.map(|asked| asked.method);

    assert_eq!(methods, [Method::POST, Method::PATCH, Method::POST]);
}

#[rstest]
#[tokio::test]
async fn an_event_that_is_never_answered_keeps_nobody_waiting() {
    // Given an API server that does not answer the first one
    let (client, mut requests) = api_server([Does::Nothing]);
    let news = News::with_timeout(client, "me".to_owned(), Duration::from_millis(50));
    tell(&news, "first");
    tell(&news, "second");

    let [_, second] = asked(&news, &mut requests).await;

    assert_eq!(second.body["note"], "second");
}

#[rstest]
#[tokio::test]
async fn as_many_wait_as_there_is_room_for() {
    // Given nobody who publishes
    let (client, _requests) = api_server([]);
    let news = News::new(client, "me".to_owned());

    for number in 0..=MOST_WAITING {
        tell(&news, &number.to_string());
    }

    let told = news.told();
    assert_eq!(told.len(), MOST_WAITING);
    assert_eq!(told[0].1, "0");
}

#[rstest]
#[tokio::test]
async fn a_long_note_is_cut_before_it_is_told() {
    let (client, _requests) = api_server([]);
    let news = News::new(client, "me".to_owned());

    tell(&news, &"基".repeat(500));

    let told = news.told();
    assert!(told[0].1.len() <= 1024 && told[0].1.ends_with('…'));
}
