//! Compares the store with the API server before a Pod is deleted: a watch may lag, or its connection may be dead.

use kube::{Api, Client};

use super::PeerStore;
use crate::cluster::{NodeView, node_facts};
use crate::k8s::ObjectKey;

impl PeerStore {
    /// Whether the Pod `uid` of the peer Deployment `key` is on a departed base, the Node called `node_name`. It is if the API server
    /// returns the Node as the store shows it, and by the store that Node does not count.
    ///
    /// # Errors
    /// If the API server cannot be asked.
    pub async fn is_departed(
        &self,
        client: &Client,
        key: &ObjectKey,
        uid: &str,
        node_name: &str,
    ) -> kube::Result<bool> {
        let nodes: Api<NodeView> = Api::all(client.clone());
        let live = nodes.get_opt(node_name).await?.map(node_facts);
        Ok(self.shows_departed(key, uid, node_name, live.as_ref()))
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
    use crate::cluster::{DeploymentView, PodView, Spelling};
    use crate::k8s::Update;
    use crate::peer::Change;
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

    /// A base of the Deployment's if it is of version 1.
    fn base(version: &str) -> Value {
        json!({"metadata": {"name": "a", "labels": {"base.koupleless.io/version": version}}})
    }

    fn orders() -> ObjectKey {
        ObjectKey { namespace: "shop".to_owned(), name: "orders".to_owned() }
    }

    /// A store that shows this Node, or none, and a Pod on it.
    fn showing(shown: Option<Value>, annotations: &Value) -> PeerStore {
        let store = PeerStore::new(Policy::default());
        let labels = json!({
            "virtual-kubelet.koupleless.io/component": "module", "virtual-kubelet.koupleless.io/strategy": "peer",
        });
        let spec = json!({"nodeSelector": {"base.koupleless.io/version": "1"}});
        let deployment: DeploymentView = serde_json::from_value(json!({
            "metadata": {"namespace": "shop", "name": "orders", "uid": "d", "labels": labels, "annotations": annotations},
            "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}, "spec": spec}},
        }))
        .unwrap();
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "orders-5d4c", "uid": "r", "controller": true,
        });
        let pod: PodView = serde_json::from_value(json!({
            "metadata": {
                "namespace": "shop", "name": "orders-5d4c-x", "uid": "p",
                "labels": {"pod-template-hash": "5d4c"}, "ownerReferences": [owner],
            },
            "spec": {"nodeName": "a"},
            "status": {"phase": "Running"},
        }))
        .unwrap();
        let node = shown.map(|shown| ("a".to_owned(), node_facts(serde_json::from_value(shown).unwrap())));
        store.apply(Change::Node(Update::Reset(node.into_iter().collect())));
        store.apply(Change::Namespace(Update::Reset(vec![])));
        let deployments = vec![(deployment.key(), deployment.into())];
        store.apply(Change::Deployment(Spelling::Current, Update::Reset(deployments)));
        store.apply(Change::Deployment(Spelling::Older, Update::Reset(vec![])));
        store.apply(Change::Pod(Spelling::Current, Update::Reset(vec![(pod.key(), pod.into())])));
        store.apply(Change::Pod(Spelling::Older, Update::Reset(vec![])));
        store
    }

    #[rstest]
    #[case::gone(None, None, true)]
    #[case::fits_no_more(Some("2"), Some("2"), true)]
    #[case::is_back_unseen(None, Some("1"), false)]
    #[case::is_back_and_seen(Some("1"), Some("1"), false)]
    #[case::fits_again_unseen(Some("2"), Some("1"), false)]
    #[case::is_another(Some("2"), Some("3"), false)]
    #[tokio::test]
    async fn a_base_has_departed_by_what_the_api_server_says(
        #[case] shown: Option<&str>,
        #[case] is: Option<&str>,
        #[case] departed: bool,
    ) {
        let store = showing(shown.map(base), &json!({}));

        assert_eq!(store.is_departed(&with(is.map(base)), &orders(), "p", "a").await.unwrap(), departed);
    }

    #[rstest]
    #[case::another_pod("q", "a")]
    #[case::another_node("p", "b")]
    #[tokio::test]
    async fn another_pod_and_another_node_have_not_departed(#[case] uid: &str, #[case] node: &str) {
        let store = showing(None, &json!({}));

        assert!(!store.is_departed(&with(None), &orders(), uid, node).await.unwrap());
    }

    #[tokio::test]
    async fn no_base_of_an_unmanaged_deployment_has_departed() {
        let store = showing(None, &json!({"warden.koupleless.io/peer-paused": "true"}));

        assert!(!store.is_departed(&with(None), &orders(), "p", "a").await.unwrap());
    }

    #[tokio::test]
    async fn no_base_has_departed_by_an_unsynced_store() {
        let store = PeerStore::new(Policy::default());

        assert!(!store.is_departed(&with(None), &orders(), "p", "a").await.unwrap());
    }
}
