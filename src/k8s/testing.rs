//! What tests of leaders share.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// A client of an API server that stores one Lease and has nothing else. Each write of the Lease calls `written` with the identity of
/// its holder, which is empty when the Lease is released.
pub(crate) fn lease_server(written: impl Fn(&str) + Clone + Send + 'static) -> Client {
    let lease = Arc::new(Mutex::new(None::<Value>));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (lease, written) = (Arc::clone(&lease), written.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let mut lease = lease.lock().unwrap();
            if head.method != Method::GET {
                let new: Value = serde_json::from_slice(&body).unwrap();
                written(new["spec"]["holderIdentity"].as_str().unwrap_or_default());
                *lease = Some(new);
            }
            let (code, answer) = match &*lease {
                Some(lease) => (StatusCode::OK, lease.clone()),
                None => (StatusCode::NOT_FOUND, json!({"kind": "Status", "code": 404, "reason": "NotFound"})),
            };
            let mut response = Response::new(Body::from(answer.to_string().into_bytes()));
            *response.status_mut() = code;
            Ok::<_, Infallible>(response)
        }
    });
    Client::new(service, "default")
}
