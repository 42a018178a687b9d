//! One request, from its headers to its answer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::bodies::{Bodies, Counted, Refused};
use super::room::UnderWay;

/// What all requests of a server have in common.
#[derive(Debug, Clone)]
pub(super) struct Answering {
    pub(super) router: Router,
    pub(super) bodies: Bodies,
    pub(super) leaving: CancellationToken,
}

impl Answering {
    /// The router's answer, or a refusal where its body found no room.
    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
        under_way: UnderWay,
    ) -> Result<Response<Body>, Infallible> {
        let (version, under_way, held) = (request.version(), Arc::new(under_way), Arc::new(self.bodies.hold()));
        let request = request.map(|body| Body::new(Counted::new(body, Arc::clone(&held), Arc::clone(&under_way))));
        let mut answer = self.router.oneshot(request).await?;
        if let Some(refused) = held.refused() {
            answer = refusal(refused);
        }
        if self.leaving.is_cancelled() && version < Version::HTTP_2 {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer)
    }
}

fn refusal(refused: Refused) -> Response<Body> {
    match refused {
        // The API server itself asks again after the second that this names, while its own time is not over.
        Refused::ForNow => {
            let text = "too many large requests at a time\n";
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], text).into_response()
        }
        Refused::ForGood => (StatusCode::PAYLOAD_TOO_LARGE, "too many objects in one request\n").into_response(),
    }
}
