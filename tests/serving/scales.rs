//! Which clients may scale a peer Deployment.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use koupleless_warden::admission::ClusterView;
use koupleless_warden::cluster::{NamespaceUnavailable, RevisionsUnavailable};
use koupleless_warden::k8s::ObjectKey;
use koupleless_warden::module::{Kind, Workload};
use koupleless_warden::policy::{CountBases, NamespaceFacts, Revision};
use koupleless_warden::serving::Timeouts;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::get;
use crate::reviews::{UID, creation_of, module, patched};
use crate::server::{Server, WARDEN, nothing_said};
use crate::telemetry::{has_line, ops};

/// A cluster with one peer Deployment, `shop/orders`, and three bases.
struct Orders;

impl CountBases for Orders {
    fn replicas(&self, _: Workload<'_>, _: &Value) -> Option<u32> {
        Some(3)
    }
}

impl ClusterView for Orders {
    fn namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>> {
        async move { nothing_said(name) }.boxed()
    }

    fn keeps_replicas(&self, deployment: &ObjectKey) -> bool {
        deployment.to_string() == "shop/orders"
    }

    fn revisions<'a>(&'a self, _: Kind, _: &'a Value) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

async fn server() -> Server {
    Server::with(Orders, Timeouts::default()).await
}

fn scale_to(replicas: Option<u32>) -> Value {
    let mut scale = json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {},
        "status": {"replicas": 3, "selector": "app=orders"},
    });
    if let Some(replicas) = replicas {
        scale["spec"]["replicas"] = json!(replicas);
    }
    scale
}

/// The review of `kubectl scale deployment/orders --replicas=5`, as the API server sends it.
fn scaling() -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "subResource": "scale",
            "requestKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
            "requestResource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "requestSubResource": "scale",
            "name": "orders",
            "namespace": "shop",
            "operation": "UPDATE",
            "userInfo": {"username": "kubernetes-admin", "groups": ["system:masters"]},
            "object": scale_to(Some(5)),
            "oldObject": scale_to(Some(3)),
            "dryRun": false,
        },
    })
}

/// [`scaling`], with `changes` made to it.
fn scaling_but(changes: &[(&str, Value)]) -> Value {
    let mut review = scaling();
    for (pointer, value) in changes {
        *review.pointer_mut(pointer).unwrap() = value.clone();
    }
    review
}

#[rstest]
#[case::by_a_person(&[])]
#[case::by_an_autoscaler(
    &[("/request/userInfo/username", json!("system:serviceaccount:kube-system:horizontal-pod-autoscaler"))],
)]
#[case::to_none(&[("/request/object", scale_to(None))])]
#[case::from_none(&[("/request/oldObject", scale_to(None))])]
#[case::as_a_dry_run(&[("/request/dryRun", json!(true))])]
#[tokio::test]
async fn scaling_a_peer_is_refused(#[case] changes: &[(&str, Value)]) {
    let server = server().await;
    let answer = server.client().review("/validate", &scaling_but(changes)).await;
    let response = &answer["response"];
    assert_eq!((&response["uid"], &response["allowed"]), (&json!(UID), &json!(false)), "{answer:#}");
    let status = &response["status"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(403), &json!("Forbidden")), "{answer:#}");
    assert_eq!(
        status["message"],
        "orders has one replica per base (strategy peer), and warden keeps that number: remove the label \
         virtual-kubelet.koupleless.io/strategy (or module-controller.koupleless.io/strategy), or set the annotation \
         warden.koupleless.io/peer-paused: \"true\", to scale it yourself"
    );
    assert_eq!(status["details"], json!({"group": "apps", "kind": "deployments", "name": "orders"}));
}

#[rstest]
#[case::by_warden(&[("/request/userInfo/username", json!(WARDEN))])]
#[case::to_the_number_it_has(&[("/request/object", scale_to(Some(3)))])]
#[case::none_to_none(&[("/request/object", scale_to(None)), ("/request/oldObject", scale_to(Some(0)))])]
#[case::of_an_unknown_deployment(&[("/request/name", json!("basket"))])]
#[case::in_another_namespace(&[("/request/namespace", json!("lab"))])]
#[case::of_another_resource(&[("/request/resource/resource", json!("statefulsets"))])]
#[case::of_another_group(&[("/request/resource/group", json!("example.com"))])]
#[case::another_subresource(&[("/request/subResource", json!("status"))])]
#[tokio::test]
async fn any_other_scaling_passes(#[case] changes: &[(&str, Value)]) {
    let server = server().await;
    let answer = server.client().review("/validate", &scaling_but(changes)).await;
    assert_eq!(answer["response"], json!({"uid": UID, "allowed": true}));
}

#[tokio::test]
async fn reviews_of_scale_are_counted() {
    let server = server().await;
    server.client().review("/validate", &scaling()).await;
    server.client().review("/validate", &scaling_but(&[("/request/name", json!("basket"))])).await;
    let metrics = get(ops(&Default::default(), &server.registry).await, "/metrics").await.body;
    for outcome in ["denied", "allowed"] {
        let labels = format!("endpoint=\"validate\",kind=\"Scale\",operation=\"UPDATE\",outcome=\"{outcome}\"");
        has_line(&metrics, &format!("warden_admission_reviews_total{{{labels}}} 1"));
    }
}

#[tokio::test]
async fn a_new_peer_gets_a_replica_per_base() {
    let server = server().await;
    let mut manifest = module();
    manifest["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    let review = creation_of(manifest);
    let answer = server.client().review("/mutate", &review).await;
    assert_eq!(patched(&review, &answer)["spec"]["replicas"], 3);
}

#[tokio::test]
async fn an_update_of_a_peer_keeps_its_replicas_with_a_warning() {
    let server = server().await;
    let mut manifest = module();
    manifest["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    manifest["spec"]["replicas"] = json!(1);
    let mut review = creation_of(manifest.clone());
    manifest["spec"]["replicas"] = json!(7);
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = manifest;
    let answer = server.client().review("/mutate", &review).await;
    assert_eq!(patched(&review, &answer)["spec"]["replicas"], 7);
    let said = "spec.replicas stays 7: warden keeps one replica per base (strategy peer)";
    assert_eq!(answer["response"]["warnings"], json!([said]), "{answer:#}");
}
