//! Writes that go wrong on purpose.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{Response, StatusCode, header};
use serde_json::json;

use super::request::What;

/// How a write goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this HTTP status and a matching Status object, and not forwarded. 429 and 503 ask to come back
    /// after a second.
    Status(u16),
    /// The connection is closed and the write not forwarded.
    CutBefore,
    /// The write is forwarded and done; its answer is lost.
    CutAfter,
}

/// Those ordered and not yet struck, in order.
#[derive(Default)]
pub(super) struct Faults(Mutex<VecDeque<(What, Fault)>>);

impl Faults {
    pub(super) fn add(&self, what: What, fault: Fault, times: usize) {
        self.queue().extend(std::iter::repeat_n((what, fault), times));
    }

    pub(super) fn left(&self) -> usize {
        self.queue().len()
    }

    /// Takes the first for writes of this kind.
    pub(super) fn strike(&self, what: What) -> Option<Fault> {
        let mut queue = self.queue();
        let place = queue.iter().position(|(of, _)| *of == what)?;
        queue.remove(place).map(|(_, fault)| fault)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(What, Fault)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the API server would say with this status.
pub(super) fn refusal(status: StatusCode) -> Response<Vec<u8>> {
    let reason = match status {
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::INTERNAL_SERVER_ERROR => "InternalError",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        StatusCode::GATEWAY_TIMEOUT => "Timeout",
        _ => "",
    };
    let comes_back = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let mut body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "the testbed's proxy wants it so", "reason": reason, "code": status.as_u16(),
    });
    if comes_back {
        body["details"] = json!({ "retryAfterSeconds": 1 });
    }
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if comes_back {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}
