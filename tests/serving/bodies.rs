//! Bodies that are not reviews, and odd or large reviews.

use axum::body::{Body, Bytes};
use futures::stream;
use koupleless_warden::admission::http::BODY_LIMIT;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::{Answer, post};
use crate::reviews::{UID, container, creation_of, module};
use crate::server::Server;

#[rstest]
#[case::none(None, 415)]
#[case::text(Some("text/plain"), 415)]
#[case::not_quite(Some("application/json-patch+json"), 415)]
#[case::with_a_charset(Some("Application/JSON; charset=utf-8"), 200)]
#[tokio::test]
async fn the_content_type_must_be_json(#[case] content_type: Option<&str>, #[case] code: u16) {
    let server = Server::start().await;
    let mut request = post("/mutate", creation_of(module()).to_string());
    request.headers_mut().remove("content-type");
    if let Some(content_type) = content_type {
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
    }
    let answer = server.client().send(request).await;
    assert_eq!(answer.code, code, "{answer:?}");
    if code != 200 {
        assert_eq!(status(&answer)["reason"], "UnsupportedMediaType");
    }
}

#[rstest]
#[case::nothing("", "line 1 column 0")]
#[case::half_a_review("{\"kind\":\n  \"Admiss", "line 2 column 9")]
#[case::not_utf8(b"{\"kind\": \"\xff\"}".as_slice(), "line 1 column 11")]
#[case::half_a_surrogate(r#"{"kind": "\ud83d"}"#, "line 1 column 17")]
#[case::a_number_beyond_all("{\"n\": 1e999}", "line 1 column 11")]
#[case::nested_too_deep("[".repeat(100_000), "line 1 column 128")]
#[tokio::test]
async fn an_answer_to_invalid_json_names_line_and_column(#[case] body: impl Into<Bytes>, #[case] place: &str) {
    let server = Server::start().await;
    let answer = server.client().post("/validate", body.into()).await;
    assert_eq!(answer.code, 400, "{answer:?}");
    let status = status(&answer);
    assert_eq!(status["reason"], "BadRequest");
    assert!(status["message"].as_str().unwrap().contains(place), "{status:#}");
}

#[rstest]
#[case::another_version("/apiVersion", json!("admission.k8s.io/v1beta1"), "apiVersion")]
#[case::another_kind("/kind", json!("SubjectAccessReview"), "kind")]
#[case::another_operation("/request/operation", json!("SING"), "SING")]
#[case::a_name_that_is_none("/request/name", json!(7), "expected a string")]
#[tokio::test]
async fn an_answer_to_an_invalid_review_has_its_uid_and_says_what_is_wrong(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] told: &str,
) {
    let server = Server::start().await;
    let mut review = creation_of(module());
    *review.pointer_mut(pointer).unwrap() = value;
    let answer = server.client().post("/mutate", review.to_string()).await;
    assert_eq!(answer.code, 400, "{answer:?}");
    let response = &answer.json()["response"];
    assert_eq!((&response["uid"], &response["allowed"]), (&json!(UID), &json!(false)));
    assert!(response["status"]["message"].as_str().unwrap().contains(told), "{response:#}");
}

#[rstest]
#[case::no_request(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}))]
#[case::an_odd_uid(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": 7}}))]
#[case::a_list(json!([]))]
#[tokio::test]
async fn json_without_a_uid_is_answered_with_a_status(#[case] body: Value) {
    let server = Server::start().await;
    let answer = server.client().post("/mutate", body.to_string()).await;
    assert_eq!(answer.code, 400, "{answer:?}");
    assert_eq!(status(&answer)["code"], 400);
}

#[rstest]
#[case::as_large_as_can_be(BODY_LIMIT, 200)]
#[case::a_byte_larger(BODY_LIMIT + 1, 413)]
#[tokio::test]
async fn a_body_may_have_seven_mebibytes(
    #[case] size: usize,
    #[case] code: u16,
    #[values(true, false)] says_its_length: bool,
) {
    let server = Server::start().await;
    let body = Bytes::from(review_of_size(size));
    let body = if says_its_length { Body::from(body) } else { in_chunks(body) };
    let answer = server.client().post("/mutate", body).await;
    assert_eq!(answer.code, code, "{answer:?}");
    if code == 413 {
        assert_eq!(status(&answer)["reason"], "RequestEntityTooLarge");
    } else {
        assert_eq!(answer.json()["response"]["patchType"], "JSONPatch");
    }
}

#[rstest]
#[case::a_thousand_containers(with_containers(1_000), true)]
#[case::ten_thousand_environment_variables(with_variables(10_000), false)]
#[case::nested_deep(nested(100), true)]
#[tokio::test]
async fn an_odd_review_is_answered_like_any_other(
    #[case] object: Value,
    #[case] is_admitted: bool,
    #[values("/mutate", "/validate")] path: &str,
) {
    let server = Server::start().await;
    let answer = server.client().review(path, &creation_of(object)).await;
    assert_eq!(answer["response"]["uid"], UID);
    assert_eq!(answer["response"]["allowed"], is_admitted || path == "/mutate", "{answer:#}");
}

/// The API server never sends duplicate keys. If a client does, the last value counts, as in Go.
#[tokio::test]
async fn of_duplicate_keys_the_last_one_counts() {
    let server = Server::start().await;
    let review = creation_of(module()).to_string();
    let twice = review.replacen("\"uid\":", "\"uid\":\"first\",\"uid\":", 1);
    assert_ne!(review, twice);
    let answer = server.client().post("/mutate", twice).await;
    assert_eq!(answer.json()["response"]["uid"], UID);
}

/// A `Status` as the API server knows it.
#[track_caller]
fn status(answer: &Answer) -> Value {
    let status = answer.json();
    assert_eq!((&status["apiVersion"], &status["kind"]), (&json!("v1"), &json!("Status")), "{status:#}");
    assert_eq!((&status["status"], &status["code"]), (&json!("Failure"), &json!(answer.code)), "{status:#}");
    status
}

/// A review of exactly `size` bytes.
fn review_of_size(size: usize) -> String {
    let mut object = module();
    object["metadata"]["annotations"] = json!({"filler": ""});
    let review = creation_of(object).to_string();
    let filler = format!("\"filler\":\"{}\"", "x".repeat(size - review.len()));
    review.replacen("\"filler\":\"\"", &filler, 1)
}

/// A body without a declared length.
fn in_chunks(body: Bytes) -> Body {
    let chunks: Vec<_> = body.chunks(64 * 1024).map(|chunk| Ok::<_, std::io::Error>(body.slice_ref(chunk))).collect();
    Body::from_stream(stream::iter(chunks))
}

fn with_containers(count: usize) -> Value {
    let mut object = module();
    object["spec"]["template"]["spec"]["containers"] =
        (0..count).map(|number| container(&format!("c{number}"))).collect();
    object
}

fn with_variables(count: usize) -> Value {
    let mut object = module();
    let variable = |number| json!({"name": format!("V{number}"), "value": "x"});
    object["spec"]["template"]["spec"]["containers"][0]["env"] = (0..count).map(variable).collect();
    object
}

fn nested(depth: usize) -> Value {
    let mut object = module();
    object["spec"]["template"]["spec"]["future"] = (0..depth).fold(json!({}), |inner, _| json!({"deeper": inner}));
    object
}
