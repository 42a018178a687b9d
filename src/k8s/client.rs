//! The connection to the API server.

use std::time::Duration;

use kube::{Client, Config, Error};

/// A client that is configured by `KUBECONFIG`, `~/.kube/config`, or the service account of the Pod.
///
/// It sends every request once. The caller decides whether to try again: by then it may no longer hold the lease, or its store
/// may show a newer state.
///
/// # Errors
/// If there is none of these, or it cannot be read.
pub async fn api_client() -> Result<Client, Error> {
    let config = Config::infer().await.map_err(Error::InferConfig)?;
    sending_once(config)
}

/// How long a connection may be silent while an answer is pending. Longer than a watch, in which the API server sends a bookmark
/// every minute. Shorter than the 15 minutes after which TCP gives up on an API server that is gone: until then every store
/// would be stale.
const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// By default kube retries for minutes after 429, 503 and 504.
fn sending_once(mut config: Config) -> Result<Client, Error> {
    config.default_retry = false;
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    Client::try_from(config)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use k8s_openapi::api::core::v1::Pod;
    use kube::Api;
    use kube::api::{Patch, PatchParams};
    use rstest::rstest;
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    #[rstest]
    #[case::too_many_requests(429)]
    #[case::unavailable(503)]
    #[case::gateway_timeout(504)]
    #[tokio::test]
    async fn a_write_that_is_put_off_is_sent_once(#[case] code: u16) {
        // Given an API server that has no time
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let busy = Router::new().fallback(async move || {
            count.fetch_add(1, Ordering::SeqCst);
            (StatusCode::from_u16(code).unwrap(), [("retry-after", "0")], "busy")
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(axum::serve(listener, busy).into_future());
        // When something is written
        let pods: Api<Pod> = Api::namespaced(sending_once(Config::new(url)).unwrap(), "default");
        let written = pods.patch_metadata("orders", &PatchParams::default(), &Patch::Merge(json!({}))).await;
        // Then it was tried once
        assert!(matches!(written, Err(Error::Api(status)) if status.code == code));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        server.abort();
    }
}
