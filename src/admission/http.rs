//! The webhook's two endpoints.

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;

use super::envelope::failure;
use super::{Endpoint, Reviewer};

/// The largest body taken: etcd stores objects of up to 1.5 MiB, requests may be 3 MiB, and a review carries an object twice.
pub const BODY_LIMIT: usize = 7 * 1024 * 1024;

/// The endpoints `/mutate` and `/validate`.
pub fn router(reviewer: Reviewer) -> Router {
    let endpoint = |endpoint| {
        post(move |State(reviewer), headers, body| async move { handle(reviewer, endpoint, &headers, body).await })
    };
    Router::new()
        .route("/mutate", endpoint(Endpoint::Mutate))
        .route("/validate", endpoint(Endpoint::Validate))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(reviewer)
}

async fn handle(
    reviewer: Reviewer,
    endpoint: Endpoint,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if !is_json(headers) {
        let message = "the content type must be application/json";
        return reply(415, &failure(None, 415, "UnsupportedMediaType", message));
    }
    match body {
        Ok(body) => {
            let answer = reviewer.answer(endpoint, &body).await;
            reply(answer.code, &answer.body)
        }
        Err(rejection) => {
            let code = rejection.status().as_u16();
            let reason = if code == 413 { "RequestEntityTooLarge" } else { "BadRequest" };
            reply(code, &failure(None, code, reason, &rejection.body_text()))
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

fn reply(code: u16, body: &Value) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
