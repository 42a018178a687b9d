//! Writes the Secret and `caBundle`, while this process holds the lease.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use super::Names;
use super::observed::{Configuration, Observed, Presence};
use crate::k8s::{ControllerWrites, Leadership, WriteError, WriteMetrics, WriteOutcome};
use crate::vocabulary as keys;

/// How long one write may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is written, as values of the label `what`.
const SECRET: &str = "secret";
const CA_BUNDLE: &str = "ca_bundle";

/// Writes while the lease is held.
pub(super) struct Writer {
    client: Client,
    names: Names,
    leadership: Leadership,
    writes: ControllerWrites,
}

/// Something was not written, or perhaps not.
#[derive(Debug, Error)]
pub(super) enum WriterError {
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("the watch of the Secret is behind")]
    WatchIsBehind,
}

/// The counters of the writes.
pub(super) fn counters(metrics: &WriteMetrics) -> ControllerWrites {
    metrics.of_controller("certificates", &[SECRET, CA_BUNDLE])
}

impl Writer {
    pub(super) fn new(client: Client, names: Names, leadership: Leadership, writes: ControllerWrites) -> Self {
        Self { client, names, leadership, writes }
    }

    /// Replaces the contents of the observed Secret with `data`, and the time at which authorities were `adopted`. Fails if
    /// another client has written the Secret since. If the Secret is absent, it is created empty first.
    ///
    /// It is created by server-side apply, since RBAC can grant that for one name. Two replicas that create it create the same
    /// empty one, and the resourceVersion lets only one of them fill it.
    pub(super) async fn write_secret(
        &self,
        observed: Option<&Arc<Secret>>,
        data: BTreeMap<String, ByteString>,
        adopted: Option<Timestamp>,
    ) -> Result<(), WriterError> {
        let secrets = self.secrets();
        let name = self.names.secret();
        let write = async {
            let mut secret = match observed {
                Some(secret) => Secret::clone(secret),
                None => {
                    let empty = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
                    secrets.patch(&name, &PatchParams::apply(keys::FIELD_MANAGER), &Patch::Apply(empty)).await?
                }
            };
            secret.data.get_or_insert_default().extend(data);
            let annotations = secret.annotations_mut();
            annotations.remove(keys::ROTATE);
            match adopted {
                Some(time) => drop(annotations.insert(keys::ADOPTED.to_owned(), time.to_string())),
                None => drop(annotations.remove(keys::ADOPTED)),
            }
            let manager = PostParams { field_manager: Some(keys::FIELD_MANAGER.to_owned()), ..Default::default() };
            secrets.replace(&name, &manager, &secret).await
        };
        self.counted(SECRET, write).await
    }

    /// Makes all observed webhooks trust `bundle`, as PEM, and no other authority. Changes nothing else in them.
    ///
    /// Fails if the observed Secret is not the latest. A watch that is behind or dead shows an old bundle, and writing that would
    /// cut off replicas that serve a newer certificate already.
    pub(super) async fn write_ca_bundles(&self, observed: &Observed, bundle: &str) -> Result<(), WriterError> {
        let is_latest = self.is_latest(observed.secret.present());
        if !self.leadership.write_within(TIMEOUT, is_latest).await? {
            return Err(WriterError::WatchIsBehind);
        }
        let mutating = self.write_ca_bundle::<MutatingWebhookConfiguration>(&observed.mutating, bundle).await;
        let validating = self.write_ca_bundle::<ValidatingWebhookConfiguration>(&observed.validating, bundle).await;
        mutating.and(validating)
    }

    async fn is_latest(&self, observed: Option<&Arc<Secret>>) -> kube::Result<bool> {
        let by_name = ListParams::default().fields(&format!("metadata.name={}", self.names.secret()));
        let listed = self.secrets().list(&by_name).await?.items.into_iter().next();
        let latest = listed.and_then(|secret| secret.resource_version());
        Ok(latest == observed.and_then(|secret| secret.resource_version()))
    }

    async fn write_ca_bundle<K>(&self, configuration: &Presence<Configuration>, bundle: &str) -> Result<(), WriterError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let Presence::Present(configuration) = configuration else { return Ok(()) };
        let api = Api::<K>::all(self.client.clone());
        let name = &self.names.name;
        let ca_bundle = ByteString(bundle.as_bytes().to_vec());
        let webhooks: Value = configuration
            .names()
            .map(|webhook| json!({"name": webhook, "clientConfig": {"caBundle": ca_bundle}}))
            .collect();
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": {"name": name},
            "webhooks": webhooks,
        });
        // No other client knows which authorities warden's webhooks must trust, so warden takes the field from it.
        let params = PatchParams::apply(keys::FIELD_MANAGER).force();
        self.counted(CA_BUNDLE, api.patch(name, &params, &Patch::Apply(patch))).await
    }

    async fn counted<T>(
        &self,
        what: &'static str,
        write: impl Future<Output = kube::Result<T>>,
    ) -> Result<(), WriterError> {
        let written = self.leadership.write_within(TIMEOUT, write).await;
        self.writes.count(what, WriteOutcome::of(&written));
        Ok(written.map(|_| ())?)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.names.namespace)
    }
}
