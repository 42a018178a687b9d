//! The answers to reviews.

use rstest::rstest;
use serde_json::{Value, json};

use crate::reviews::{UID, creation_of, module, patched, refused_module};
use crate::server::Server;

#[tokio::test]
async fn a_module_is_completed_by_a_json_patch_in_base64() {
    let server = Server::start().await;
    let review = creation_of(module());
    let answer = server.client().review("/mutate", &review).await;
    assert_eq!((&answer["apiVersion"], &answer["kind"]), (&json!("admission.k8s.io/v1"), &json!("AdmissionReview")));
    let response = &answer["response"];
    assert_eq!(response["uid"], UID);
    assert_eq!(response["allowed"], true);
    assert_eq!(response["patchType"], "JSONPatch");
    let template = &patched(&review, &answer)["spec"]["template"];
    let placement = &template["metadata"]["annotations"]["warden.koupleless.io/placement"];
    assert_eq!(*placement, r#"{"env":"dev"}"#, "{template:#}");
}

#[tokio::test]
async fn a_complete_module_is_answered_without_a_patch() {
    let server = Server::start().await;
    let review = creation_of(module());
    let filled_in = patched(&review, &server.client().review("/mutate", &review).await);
    let answer = server.client().review("/mutate", &creation_of(filled_in)).await;
    assert_eq!(answer["response"], json!({"uid": UID, "allowed": true}));
}

#[tokio::test]
async fn a_refusal_lists_every_fault_in_its_message_and_as_causes() {
    let server = Server::start().await;
    let answer = server.client().review("/validate", &creation_of(refused_module())).await;
    let response = &answer["response"];
    assert_eq!((&response["uid"], &response["allowed"]), (&json!(UID), &json!(false)));
    let status = &response["status"];
    assert_eq!(
        (&status["code"], &status["reason"], &status["status"]),
        (&json!(422), &json!("Invalid"), &json!("Failure"))
    );
    let details = &status["details"];
    assert_eq!(
        (&details["group"], &details["kind"], &details["name"]),
        (&json!("apps"), &json!("Deployment"), &json!("biz1"))
    );
    let causes = details["causes"].as_array().unwrap();
    let fields: Vec<_> = causes.iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    for field in ["spec.template.spec.containers[0].env", "spec.template.spec.containers[0].image"] {
        assert!(fields.contains(&field), "{status:#}");
        assert!(status["message"].as_str().unwrap().contains(field), "{status:#}");
    }
    for cause in causes {
        assert!(cause["reason"].as_str().unwrap().starts_with("FieldValue"), "{cause:#}");
        assert!(!cause["message"].as_str().unwrap().is_empty(), "{cause:#}");
    }
}

#[tokio::test]
async fn a_refused_object_without_a_name_is_named_by_its_generate_name() {
    let server = Server::start().await;
    let mut object = refused_module();
    object["metadata"] = json!({"generateName": "biz1-", "namespace": "shop"});
    let answer = server.client().review("/validate", &creation_of(object)).await;
    assert_eq!(answer["response"]["status"]["details"]["name"], "biz1-");
}

#[tokio::test]
async fn warnings_come_with_admission() {
    let server = Server::start().await;
    let mut object = module();
    object["metadata"]["annotations"] = json!({"warden.koupleless.io/unheard-of": "1"});
    let review = creation_of(object);
    let object = patched(&review, &server.client().review("/mutate", &review).await);
    let answer = server.client().review("/validate", &creation_of(object)).await;
    assert_eq!(answer["response"]["allowed"], true, "{answer:#}");
    let warnings = answer["response"]["warnings"].to_string();
    assert!(warnings.contains("warden.koupleless.io/unheard-of"), "{warnings}");
}

#[rstest]
#[case::another_kind(&[("/request/kind/kind", json!("Service")), ("/request/kind/group", json!(""))])]
#[case::a_kind_of_another_group(&[("/request/kind/group", json!("example.com"))])]
#[case::a_subresource(&[("/request/subResource", json!("scale"))])]
#[case::a_deletion(&[("/request/operation", json!("DELETE")), ("/request/object", Value::Null)])]
#[case::a_connection(&[("/request/operation", json!("CONNECT"))])]
#[case::no_object(&[("/request/object", Value::Null)])]
#[case::a_text_for_an_object(&[("/request/object", json!("text"))])]
#[tokio::test]
async fn other_objects_are_admitted_unchanged(
    #[case] changes: &[(&str, Value)],
    #[values("/mutate", "/validate")] path: &str,
) {
    let server = Server::start().await;
    let mut review = creation_of(refused_module());
    review["request"]["subResource"] = Value::Null;
    for (pointer, value) in changes {
        *review.pointer_mut(pointer).unwrap() = value.clone();
    }
    let answer = server.client().review(path, &review).await;
    assert_eq!(answer["response"], json!({"uid": UID, "allowed": true}));
}

#[tokio::test]
async fn the_timeout_that_the_api_server_appends_to_the_path_is_ignored() {
    let server = Server::start().await;
    let answer = server.client().review("/mutate?timeout=3s", &creation_of(module())).await;
    assert_eq!(answer["response"]["patchType"], "JSONPatch");
}

#[tokio::test]
async fn other_paths_and_methods_are_unknown() {
    let server = Server::start().await;
    assert_eq!(server.client().post("/", "{}").await.code, 404);
    let get = hyper::Request::get("/mutate").header("host", "localhost").body(axum::body::Body::empty()).unwrap();
    assert_eq!(server.client().send(get).await.code, 405);
}
