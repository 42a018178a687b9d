//! Lists in pages that are bounded by their bytes.
//!
//! The API bounds a page by the number of its objects only, and one object can have more than a megabyte. A client that reads
//! a page of 500 such objects at once needs hundreds of megabytes for it. So a page that turns out to be larger than
//! [`PAGE_BYTES`] is given up in the middle and asked for again with fewer objects. kube's own watcher lists by number alone,
//! which is why [`watch`](super::Watch) does not use it.

use std::fmt::Debug;
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::api::ListParams;
use kube::client::Body;
use kube::core::{Request, Status};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The bytes that a page may have, unless it is a single object.
const PAGE_BYTES: usize = 4 << 20;
/// The bytes that a page of one object may have: many times what etcd stores of one (1.5 MiB).
const OBJECT_BYTES: usize = 32 << 20;
/// The number of objects that the first page may have, as for client-go.
const PAGE_OBJECTS: u32 = 500;
/// After a page that was too large, the next one is requested with this many times fewer objects.
const SHRINK: u32 = 8;
/// How long one page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a list failed.
#[derive(Debug, Error)]
pub enum ListError {
    /// The API server refused the request, or its answer cannot be decoded.
    #[error(transparent)]
    Kube(#[from] kube::Error),
    /// A single object is larger than any that etcd stores.
    #[error("an object of more than {OBJECT_BYTES} bytes")]
    TooLarge,
    /// The API server did not answer in time.
    #[error("no answer within {PAGE_TIMEOUT:?}")]
    Timeout,
}

/// A complete list.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    /// What `read` returned for each object.
    pub(crate) items: Vec<T>,
    /// The resourceVersion to watch from.
    pub(super) resource_version: String,
}

/// A page of a list, as the API server sends it.
#[derive(Debug, Deserialize)]
struct Page<K> {
    metadata: ListMeta,
    #[serde(default = "Vec::new")]
    items: Vec<K>,
}

/// Lists the objects that `params` select, page by page, and keeps only what `read` returns for each.
pub(crate) async fn list<K: Resource + Clone + DeserializeOwned + Debug, T>(
    api: &Api<K>,
    params: &ListParams,
    read: impl Fn(K) -> T,
) -> Result<Listed<T>, ListError> {
    let (request, client) = (Request::new(api.resource_url()), api.clone().into_client());
    let mut size = PageSize(PAGE_OBJECTS);
    let mut params = params.clone();
    let mut items = Vec::new();
    loop {
        params.limit = Some(size.0);
        let asked = fetch(&client, &request, &params, size.bytes());
        let Some(body) = tokio::time::timeout(PAGE_TIMEOUT, asked).await.map_err(|_| ListError::Timeout)?? else {
            size = size.smaller().ok_or(ListError::TooLarge)?;
            continue;
        };
        size = size.after(body.len());
        let page: Page<K> = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
        drop(body);
        items.extend(page.items.into_iter().map(&read));
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            let resource_version = page.metadata.resource_version.unwrap_or_default();
            return Ok(Listed { items, resource_version });
        }
    }
}

/// Requests a page. Returns its body; none if it has more than `limit` bytes.
async fn fetch(
    client: &Client,
    request: &Request,
    params: &ListParams,
    limit: usize,
) -> Result<Option<Vec<u8>>, kube::Error> {
    let request = request.list(params).map_err(kube::Error::BuildRequest)?;
    let response = client.send(request.map(Body::from)).await?;
    let status = response.status();
    let body = match Limited::new(response.into_body(), limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(None),
        Err(error) => return Err(error.downcast::<kube::Error>().map_or_else(kube::Error::Service, |error| *error)),
    };
    if !status.is_success() {
        let fallback = || Status::failure(&String::from_utf8_lossy(&body), status.as_str()).with_code(status.as_u16());
        return Err(kube::Error::Api(serde_json::from_slice(&body).unwrap_or_else(|_| Box::new(fallback()))));
    }
    Ok(Some(body.into()))
}

/// The number of objects that is requested for a page (`limit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PageSize(u32);

impl PageSize {
    /// The bytes that a page of this size may have.
    fn bytes(self) -> usize {
        if self.0 == 1 { OBJECT_BYTES } else { PAGE_BYTES }
    }

    /// The size to request after a page that was too large; none if it was for one object.
    fn smaller(self) -> Option<Self> {
        (self.0 > 1).then(|| Self((self.0 / SHRINK).max(1)))
    }

    /// The size to request after a page of so many bytes: twice as many objects if that page was far below the limit.
    fn after(self, bytes: usize) -> Self {
        if bytes < PAGE_BYTES / 4 { Self(self.0.saturating_mul(2).min(PAGE_OBJECTS)) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use axum::http;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::ResourceExt as _;
    use serde_json::json;

    use super::*;

    /// An API server with ConfigMaps of these sizes in bytes, and the `limit` of each request that it got.
    fn api_server(sizes: Vec<usize>) -> (Api<ConfigMap>, Arc<Mutex<Vec<usize>>>) {
        let limits = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&limits);
        let answers = tower::service_fn(move |request: http::Request<Body>| {
            let query = |key: &str| {
                let pairs =
                    request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
                pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.parse().unwrap()).next()
            };
            let (from, limit): (usize, usize) = (query("continue").unwrap_or(0), query("limit").unwrap());
            asked.lock().unwrap().push(limit);
            let to = sizes.len().min(from + limit);
            let items: Vec<_> = (from..to)
                .map(|at| json!({"metadata": {"name": at.to_string()}, "data": {"text": "x".repeat(sizes[at])}}))
                .collect();
            let token = (to < sizes.len()).then(|| to.to_string());
            let page = json!({"metadata": {"resourceVersion": "7", "continue": token}, "items": items});
            std::future::ready(Ok::<_, Infallible>(http::Response::new(Body::from(page.to_string().into_bytes()))))
        });
        (Api::default_namespaced(Client::new(answers, "default")), limits)
    }

    async fn names(api: &Api<ConfigMap>) -> Result<Vec<String>, ListError> {
        let listed = list(api, &ListParams::default(), |object| object.name_any()).await?;
        assert_eq!(listed.resource_version, "7");
        Ok(listed.items)
    }

    fn numbers(to: usize) -> Vec<String> {
        (0..to).map(|number| number.to_string()).collect()
    }

    #[tokio::test]
    async fn small_objects_come_in_large_pages() {
        let (api, limits) = api_server(vec![100; 1200]);
        assert_eq!(names(&api).await.unwrap(), numbers(1200));
        assert_eq!(*limits.lock().unwrap(), [500, 500, 500]);
    }

    #[tokio::test]
    async fn large_objects_come_few_at_a_time_and_each_once() {
        // Given a hundred small objects, then twenty of a megabyte each
        let (api, limits) = api_server([vec![100; 100], vec![1 << 20; 20]].concat());
        // When they are listed, then all come, and after the first answers no page is tried that cannot be had
        assert_eq!(names(&api).await.unwrap(), numbers(120));
        let limits = limits.lock().unwrap();
        assert!(limits.iter().filter(|limit| **limit > 62).count() <= 3, "{limits:?}");
        assert!(limits.len() < 40, "{limits:?}");
    }

    #[tokio::test]
    async fn an_object_larger_than_a_page_comes_alone() {
        let (api, limits) = api_server(vec![2 * PAGE_BYTES]);
        assert_eq!(names(&api).await.unwrap(), numbers(1));
        assert_eq!(*limits.lock().unwrap(), [500, 62, 7, 1]);
    }

    #[tokio::test]
    async fn an_object_larger_than_any_is_an_error() {
        let (api, _) = api_server(vec![OBJECT_BYTES]);
        assert!(matches!(names(&api).await, Err(ListError::TooLarge)));
    }

    #[tokio::test]
    async fn a_refusal_is_the_api_servers_own_word() {
        let refuses = tower::service_fn(|_: http::Request<Body>| {
            let status = json!({"kind": "Status", "status": "Failure", "message": "not yours", "reason": "Forbidden", "code": 403});
            let mut response = http::Response::new(Body::from(status.to_string().into_bytes()));
            *response.status_mut() = http::StatusCode::FORBIDDEN;
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let refused = names(&Api::default_namespaced(Client::new(refuses, "default"))).await;
        assert!(
            matches!(&refused, Err(ListError::Kube(kube::Error::Api(status))) if status.code == 403),
            "{refused:?}"
        );
    }
}
