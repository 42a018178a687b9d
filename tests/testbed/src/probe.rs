//! Plain GET requests to health and metrics endpoints on this machine.

use std::time::Duration;

use anyhow::{Context, Result};
use kube::{Client, Config};

/// Long enough for a busy machine, short enough to be asked again.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The body of a successful answer. Certificates are not checked: components serve health with what certificate they like,
/// and on loopback.
pub(crate) async fn get(url: &str) -> Result<String> {
    let uri: http::Uri = url.parse()?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    let mut config = Config::new(http::Uri::from_parts(parts)?);
    config.accept_invalid_certs = true;
    // Who is not ready is asked again by who waits for it, and says why until then.
    config.default_retry = false;
    let client = Client::try_from(config)?;
    let request = http::Request::get(path).body(Vec::new())?;
    let answer = tokio::time::timeout(TIMEOUT, client.request_text(request)).await;
    Ok(answer.with_context(|| format!("no answer from {url} within {TIMEOUT:?}"))??)
}
