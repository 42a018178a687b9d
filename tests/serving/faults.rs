//! What happens if warden cannot decide.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use koupleless_warden::admission::ClusterView;
use koupleless_warden::cluster::{LimitRangesUnavailable, NamespaceUnavailable, RevisionsUnavailable};
use koupleless_warden::k8s::ObjectKey;
use koupleless_warden::module::{Kind, Workload};
use koupleless_warden::policy::{CountBases, LimitRangeFacts, NamespaceFacts, Revision};
use koupleless_warden::serving::Timeouts;
use serde_json::{Value, json};

use crate::client::post;
use crate::reviews::{UID, creation_of, module};
use crate::server::{Answering, Server, nothing_said};

#[tokio::test]
async fn without_the_namespace_the_failure_policy_decides() {
    let unavailable = |name: &str| {
        Err(NamespaceUnavailable { name: name.to_owned(), reason: "the API server does not answer".to_owned() })
    };
    let server = Server::with(Answering(unavailable), Timeouts::default()).await;
    let answer = server.client().post("/mutate", creation_of(module()).to_string()).await;
    assert_eq!(answer.code, 500, "{answer:?}");
    is_our_fault(&answer.json(), "cannot read Namespace shop: the API server does not answer");
}

/// A cluster whose LimitRanges cannot be read.
struct WithoutLimitRanges;

impl CountBases for WithoutLimitRanges {
    fn replicas(&self, _: Workload<'_>, _: &Value) -> Option<u32> {
        None
    }
}

impl ClusterView for WithoutLimitRanges {
    fn namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>> {
        async move { nothing_said(name) }.boxed()
    }

    fn keeps_replicas(&self, _: &ObjectKey) -> bool {
        false
    }

    fn revisions<'a>(&'a self, _: Kind, _: &'a Value) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn limit_ranges<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<LimitRangeFacts>, LimitRangesUnavailable>> {
        let reason = "the API server does not answer".to_owned();
        async move { Err(LimitRangesUnavailable { namespace: namespace.to_owned(), reason }) }.boxed()
    }
}

#[tokio::test]
async fn without_the_limit_ranges_a_module_is_admitted() {
    let server = Server::with(WithoutLimitRanges, Timeouts::default()).await;
    for endpoint in ["/mutate", "/validate"] {
        let answer = server.client().review(endpoint, &creation_of(module())).await;
        assert_eq!(answer["response"]["allowed"], true, "{answer:#}");
    }
}

#[tokio::test]
async fn a_panic_ends_one_review_only() {
    let server = Server::with(Answering(panics_in_haunted), Timeouts::default()).await;
    let answer = server.client().post("/mutate", creation_of(haunted()).to_string()).await;
    assert_eq!(answer.code, 500, "{answer:?}");
    is_our_fault(&answer.json(), "fault of warden's");
    let next = server.client().review("/mutate", &creation_of(module())).await;
    assert_eq!(next["response"]["patchType"], "JSONPatch");
}

#[tokio::test]
async fn a_panic_does_not_affect_other_reviews_on_the_same_connection() {
    let server = Server::with(Answering(panics_in_haunted), Timeouts::default()).await;
    let requests = [haunted(), module()].map(|object| post("/mutate", creation_of(object).to_string()));
    let answers = server.client().send_by_http2(requests).await;
    let codes: Vec<_> = answers.iter().map(|answer| answer.code).collect();
    assert_eq!(codes, [500, 200], "{answers:?}");
}

#[track_caller]
fn is_our_fault(answer: &Value, said: &str) {
    let response = &answer["response"];
    assert_eq!((&response["uid"], &response["allowed"]), (&json!(UID), &json!(false)), "{answer:#}");
    let status = &response["status"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(500), &json!("InternalError")), "{answer:#}");
    assert!(status["message"].as_str().unwrap().contains(said), "{answer:#}");
}

/// A module in the Namespace for which [`panics_in_haunted`] panics.
pub(crate) fn haunted() -> Value {
    let mut object = module();
    object["metadata"]["namespace"] = json!("haunted");
    object
}

pub(crate) fn panics_in_haunted(name: &str) -> Result<Option<NamespaceFacts>, NamespaceUnavailable> {
    assert_ne!(name, "haunted", "this test wants a panic");
    nothing_said(name)
}
