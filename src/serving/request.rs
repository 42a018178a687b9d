//! One request, from its headers to its answer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::{Body as _, Incoming};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::connection_limiter::RequestGuard;
use super::memory_budget::{Denied, MemoryBudget, MeteredBody};

/// What all requests of a server share.
#[derive(Debug, Clone)]
pub(super) struct RequestHandler {
    pub(super) router: Router,
    pub(super) memory: MemoryBudget,
    pub(super) leaving: CancellationToken,
}

impl RequestHandler {
    /// Returns the answer of the router, or an error response if there was no memory for the request.
    pub(super) async fn handle(
        self,
        request: Request<Incoming>,
        guard: RequestGuard,
    ) -> Result<Response<Body>, Infallible> {
        if request.body().is_end_stream() {
            guard.set_arrived();
        }
        let reservation = self.memory.reservation();
        if let Err(denied) = reservation.add_headers(header_memory(&request)) {
            return Ok(without_memory(denied));
        }
        let (version, guard, reservation) = (request.version(), Arc::new(guard), Arc::new(reservation));
        let metered = |body| Body::new(MeteredBody::new(body, Arc::clone(&reservation), Arc::clone(&guard)));
        let mut answer = self.router.oneshot(request.map(metered)).await?;
        if let Some(denied) = reservation.denied() {
            answer = without_memory(denied);
        }
        if self.leaving.is_cancelled() && version < Version::HTTP_2 {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer)
    }
}

/// The memory that the headers of `request` take at most: their text, and an entry of a map for each.
fn header_memory<B>(request: &Request<B>) -> usize {
    const ENTRY: usize = 128;
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ENTRY);
    headers.sum::<usize>() + request.uri().path_and_query().map_or(0, |path| path.as_str().len())
}

fn without_memory(denied: Denied) -> Response<Body> {
    match denied {
        // kube-apiserver sends the review again after this many seconds, within the timeout of the webhook.
        Denied::Exhausted => {
            let text = "too many large requests at a time\n";
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], text).into_response()
        }
        Denied::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too many objects in one request\n").into_response(),
    }
}
