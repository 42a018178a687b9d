//! Whether what the caches show is so, where that matters too much to rely on a watch.

use kube::{Api, Client};

use super::PeerCache;
use super::facts::{NodeView, node};

impl PeerCache {
    /// Asks the API server whether the Node `name` is as the cache shows it, or not there where it shows none.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn agrees_on_node(&self, client: &Client, name: &str) -> kube::Result<bool> {
        let nodes: Api<NodeView> = Api::all(client.clone());
        let is = nodes.get_opt(name).await?.map(node);
        Ok(self.shows_node(name, is.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::{Request, Response, StatusCode};
    use kube::client::Body;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::{Change, News, Spelling};
    use crate::policy::Policy;

    /// An API server that has this Node, or none.
    fn with(node: Option<Value>) -> Client {
        let (code, answer) = match node {
            Some(node) => (StatusCode::OK, node),
            None => (StatusCode::NOT_FOUND, json!({"kind": "Status", "code": 404, "reason": "NotFound"})),
        };
        let answers = tower::service_fn(move |_: Request<Body>| {
            let mut response = Response::new(Body::from(answer.to_string().into_bytes()));
            *response.status_mut() = code;
            std::future::ready(Ok::<_, Infallible>(response))
        });
        Client::new(answers, "default")
    }

    fn base(version: &str) -> Value {
        json!({"metadata": {"name": "a", "resourceVersion": "1", "labels": {"base.koupleless.io/version": version}}})
    }

    /// A cache that shows this Node, or none.
    fn showing(shown: Option<Value>) -> PeerCache {
        let cache = PeerCache::new(Policy::default());
        let nodes = shown.map(|shown| node(serde_json::from_value(shown).unwrap()));
        cache.take_in(Change::Node(News::All(nodes.map(|node| ("a".to_owned(), node)).into_iter().collect())));
        cache.take_in(Change::Namespace(News::All(vec![])));
        for spelling in Spelling::ALL {
            cache.take_in(Change::Deployment(spelling, News::All(vec![])));
            cache.take_in(Change::Pod(spelling, News::All(vec![])));
        }
        cache
    }

    #[rstest]
    #[case::the_same(Some("1.0.0"), Some("1.0.0"), true)]
    #[case::gone(None, None, true)]
    #[case::back(None, Some("1.0.0"), false)]
    #[case::gone_since(Some("1.0.0"), None, false)]
    #[case::another(Some("1.0.0"), Some("1.1.0"), false)]
    #[tokio::test]
    async fn what_the_api_server_says_counts(
        #[case] shown: Option<&str>,
        #[case] is: Option<&str>,
        #[case] agrees: bool,
    ) {
        let cache = showing(shown.map(base));

        assert_eq!(cache.agrees_on_node(&with(is.map(base)), "a").await.unwrap(), agrees);
    }

    #[tokio::test]
    async fn who_has_not_listed_yet_agrees_on_nothing() {
        let cache = PeerCache::new(Policy::default());

        assert!(!cache.agrees_on_node(&with(None), "a").await.unwrap());
    }
}
