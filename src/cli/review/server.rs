//! What an API server says to a manifest: `review --server`.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::time::Duration;

use axum::http::Uri;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use kube::core::{GroupVersionKind, Request};
use kube::discovery::{self, ApiCapabilities, ApiResource, Scope};
use kube::{Api, Client};
use serde_json::Value;
use thiserror::Error;
use tokio::runtime::Runtime;

use super::read::Manifest;
use super::refusal::Refusal;
use crate::k8s::{api_client, brief};
use crate::policy::NamespaceFacts;

/// The field manager of the dry runs.
const FIELD_MANAGER: &str = "warden-review";

/// How long the API server has for one answer. Its own limit for requests is as long by default in most clients.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How the API server says, with code 500, that a field of an applied object has another type.
const WRONG_TYPE: &str = "failed to create typed patch object";

/// What the API server sets, and refuses or compares where a manifest that was read from a cluster still has it.
const SET_BY_SERVER: [&str; 5] = ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"];

/// A cluster that is asked by dry run: it stores nothing.
pub(super) struct Server {
    runtime: Runtime,
    client: Client,
    kinds: HashMap<GroupVersionKind, Option<(ApiResource, ApiCapabilities)>>,
}

/// What the API server says to a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerVerdict {
    Accepted,
    /// Why it refuses it.
    Refused(Refusal),
    /// It does not know the Namespace.
    NoNamespace(String),
}

/// Why the API server cannot be asked.
#[derive(Debug, Error)]
pub(super) enum CannotAsk {
    #[error(
        "cannot ask the API server: {0}. --server needs a kubeconfig whose cluster answers: see kubectl config current-context, or \
         leave --server out"
    )]
    NoAnswer(String),
    #[error(
        "cannot ask the API server: {0}. --server needs the rights patch and create on the objects that it asks about: have them \
         granted to this account, or leave --server out"
    )]
    NoRight(String),
}

impl Server {
    /// The cluster of the caller's kubeconfig.
    pub(super) fn of_kubeconfig() -> Result<Self, CannotAsk> {
        let runtime = Runtime::new().map_err(|error: io::Error| CannotAsk::NoAnswer(error.to_string()))?;
        let client = runtime.block_on(api_client()).map_err(|error| CannotAsk::NoAnswer(brief(&error)))?;
        Ok(Self { runtime, client, kinds: HashMap::new() })
    }

    /// The namespace of the kubeconfig.
    pub(super) fn namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// What Namespace `name` of the cluster declares; None if it is not there.
    pub(super) fn namespace_facts(&self, name: &str) -> Result<Option<NamespaceFacts>, CannotAsk> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let asked = async { api.get_metadata_opt(name).await.map_err(|error| cannot_ask(&error)) };
        let namespace = self.runtime.block_on(within_time(asked))?;
        Ok(namespace.map(|namespace| NamespaceFacts {
            labels: namespace.metadata.labels.unwrap_or_default(),
            annotations: namespace.metadata.annotations.unwrap_or_default(),
            is_excluded: false,
        }))
    }

    /// Has the API server try to apply a manifest, with all that is in front of it: validation, quotas, webhooks.
    pub(super) fn ask(&mut self, manifest: &Manifest, namespace: &str) -> Result<ServerVerdict, CannotAsk> {
        let (group, version) = match manifest.text("apiVersion").split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", manifest.text("apiVersion")),
        };
        let kind = GroupVersionKind::gvk(group, version, manifest.text("kind"));
        let (runtime, client) = (&self.runtime, &self.client);
        let known = match self.kinds.get(&kind) {
            Some(known) => known,
            None => {
                let known = runtime.block_on(within_time(resource(client, &kind)))?;
                self.kinds.entry(kind.clone()).or_insert(known)
            }
        };
        let Some((resource, capabilities)) = known else {
            let advice = "correct apiVersion and kind, or install its CustomResourceDefinition first";
            return Ok(ServerVerdict::Refused(Refusal::new(format!(
                "the cluster serves no kind {} in {}. To fix it: {advice}.",
                kind.kind,
                kind.api_version()
            ))));
        };
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(client.clone(), resource),
            Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, resource),
        };
        runtime.block_on(within_time(dry_run(client, &api, manifest)))
    }
}

impl CannotAsk {
    /// The reason alone, without what to do.
    pub(super) fn why(&self) -> &str {
        match self {
            Self::NoAnswer(why) | Self::NoRight(why) => why,
        }
    }
}

async fn within_time<T>(asked: impl Future<Output = Result<T, CannotAsk>>) -> Result<T, CannotAsk> {
    let late = |_| CannotAsk::NoAnswer(format!("no answer within {} s", TIMEOUT.as_secs()));
    tokio::time::timeout(TIMEOUT, asked).await.map_err(late)?
}

/// The resource of a kind; None where the cluster does not serve it.
async fn resource(
    client: &Client,
    kind: &GroupVersionKind,
) -> Result<Option<(ApiResource, ApiCapabilities)>, CannotAsk> {
    match discovery::pinned_kind(client, kind).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Discovery(_)) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(cannot_ask(&error)),
    }
}

/// Server-side apply, or creation for an object whose name is generated.
async fn dry_run(client: &Client, api: &Api<DynamicObject>, manifest: &Manifest) -> Result<ServerVerdict, CannotAsk> {
    let object = without_what_the_server_sets(manifest.object.clone());
    let field_manager = Some(FIELD_MANAGER.to_owned());
    let asked = if let Some(name) = manifest.metadata("name") {
        let field_validation = Some(ValidationDirective::Strict);
        let params = PatchParams { dry_run: true, force: true, field_manager, field_validation };
        api.patch(name, &params, &Patch::Apply(object)).await.map(|_| ())
    } else {
        create(client, api.resource_url(), &PostParams { dry_run: true, field_manager }, &object).await
    };
    match asked {
        Ok(()) => Ok(ServerVerdict::Accepted),
        Err(kube::Error::Api(status)) if status.code == 403 && is_about_rights(&status.message) => {
            Err(CannotAsk::NoRight(status.message.clone()))
        }
        Err(kube::Error::Api(status)) if is_verdict(status.code) || status.message.starts_with(WRONG_TYPE) => {
            let is_namespace = status.details.as_ref().is_some_and(|details| details.kind == "namespaces");
            if is_namespace && status.code == 404 {
                return Ok(ServerVerdict::NoNamespace(status.message.clone()));
            }
            Ok(ServerVerdict::Refused(Refusal::of(&status)))
        }
        Err(error) => Err(cannot_ask(&error)),
    }
}

/// Creates an object, and has fields refused that its kind does not have. By hand, because [`PostParams`] cannot ask for that.
async fn create(client: &Client, url: &str, params: &PostParams, object: &Value) -> kube::Result<()> {
    let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
    let mut request = Request::new(url).create(params, body).map_err(kube::Error::BuildRequest)?;
    let strict = format!("{}&fieldValidation=Strict", request.uri());
    *request.uri_mut() = strict.parse::<Uri>().map_err(|error| kube::Error::HttpError(error.into()))?;
    client.request::<Value>(request).await.map(|_| ())
}

/// Whether this message, with code 403, is about what the caller may do: then the API server names the user. What quotas,
/// policies and webhooks refuse with the same code is about the manifest.
fn is_about_rights(message: &str) -> bool {
    let is_of_authorizer =
        |(object, reason): (&str, &str)| reason.starts_with("User \"") && !object.starts_with("admission webhook ");
    message.split_once(" is forbidden: ").is_some_and(is_of_authorizer)
}

/// Whether an answer with this code is about the manifest, not about the caller or the server.
fn is_verdict(code: u16) -> bool {
    (400..500).contains(&code) && ![401, 408, 429].contains(&code)
}

fn without_what_the_server_sets(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in SET_BY_SERVER {
            metadata.remove(field);
        }
    }
    object
}

fn cannot_ask(error: &(dyn Error + 'static)) -> CannotAsk {
    CannotAsk::NoAnswer(brief(error))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_right(
        r#"deployments.apps "a" is forbidden: User "ci" cannot patch resource "deployments" in API group "apps" in the namespace "a""#,
        true
    )]
    #[case::no_right_to_create(r#"pods is forbidden: User "ci" cannot create resource "pods" in API group """#, true)]
    #[case::quota(
        r#"pods "a" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"#,
        false
    )]
    #[case::escalation(
        r#"roles "a" is forbidden: user "ci" is attempting to grant RBAC permissions not currently held"#,
        false
    )]
    #[case::webhook(
        r#"admission webhook "a.example.com" denied the request: a is forbidden: User "ci" must not"#,
        false
    )]
    fn a_missing_right_is_told_apart_from_a_refusal(#[case] message: &str, #[case] is_right: bool) {
        assert_eq!(is_about_rights(message), is_right);
    }
}
