//! Writes of the Secret and of `caBundle`, by who leads.

use std::collections::BTreeMap;
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
use super::metrics::{CertificateMetrics, Outcome};
use super::seen::{Configuration, Seen};
use crate::k8s::{Leadership, WriteError};
use crate::vocabulary as keys;

/// How long one write may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Writes while the lease is held.
pub(super) struct Store {
    pub(super) client: Client,
    pub(super) names: Names,
    pub(super) leadership: Leadership,
    pub(super) metrics: CertificateMetrics,
}

/// Why something is not written, or perhaps not.
#[derive(Debug, Error)]
pub(super) enum StoreError {
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("the watch of the Secret is behind")]
    Behind,
}

impl Store {
    /// Puts `data`, and a note of when authorities were `adopted`, in the place of what `seen` holds, whatever that is, unless somebody else wrote meanwhile; where there
    /// is no Secret, an empty one is made first.
    ///
    /// It is made by server-side apply, which the API server allows by name alone; two that make it make the same one. Who
    /// fills it first wins by the resourceVersion.
    pub(super) async fn write(
        &self,
        seen: Option<&Arc<Secret>>,
        data: BTreeMap<String, ByteString>,
        adopted: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let secrets = Api::<Secret>::namespaced(self.client.clone(), &self.names.namespace);
        let name = self.names.secret();
        let write = async {
            let mut secret = match seen {
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
        let written = self.in_time(write).await;
        self.metrics.secret_write(outcome(&written));
        Ok(written.map(|_| ())?)
    }

    /// Lets all webhooks that were seen trust `bundle`, PEM, and nobody else. Nothing else of them is touched.
    ///
    /// Not if the Secret that was seen is not the one there is any more: a watch that is behind, or dead, shows a bundle from
    /// before, and to put that in place would cut off who shows a newer certificate already.
    pub(super) async fn put_bundles(&self, seen: &Seen, bundle: &str) -> Result<(), StoreError> {
        if !self.in_time(self.is_latest(seen.secret.as_ref().and_then(Option::as_ref))).await? {
            return Err(StoreError::Behind);
        }
        let mutating = match seen.mutating.as_ref().and_then(Option::as_ref) {
            Some(found) => self.put_bundle::<MutatingWebhookConfiguration>(found, bundle).await,
            None => Ok(()),
        };
        let validating = match seen.validating.as_ref().and_then(Option::as_ref) {
            Some(found) => self.put_bundle::<ValidatingWebhookConfiguration>(found, bundle).await,
            None => Ok(()),
        };
        mutating.and(validating)
    }

    async fn is_latest(&self, seen: Option<&Arc<Secret>>) -> kube::Result<bool> {
        let secrets = Api::<Secret>::namespaced(self.client.clone(), &self.names.namespace);
        let by_name = ListParams::default().fields(&format!("metadata.name={}", self.names.secret()));
        let found = secrets.list(&by_name).await?.items.into_iter().next().and_then(|secret| secret.resource_version());
        Ok(found == seen.and_then(|secret| secret.resource_version()))
    }

    async fn put_bundle<K>(&self, configuration: &Configuration, bundle: &str) -> Result<(), StoreError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    {
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
        // Whoever else says what warden's webhooks trust has it wrong.
        let params = PatchParams::apply(keys::FIELD_MANAGER).force();
        let written = self.in_time(api.patch(name, &params, &Patch::Apply(patch))).await;
        self.metrics.ca_bundle_write(outcome(&written));
        Ok(written.map(|_| ())?)
    }

    async fn in_time<T>(&self, write: impl Future<Output = kube::Result<T>>) -> Result<T, WriteError> {
        self.leadership.write_within(TIMEOUT, write).await
    }
}

fn outcome<T>(written: &Result<T, WriteError>) -> Outcome {
    match written {
        Ok(_) => Outcome::Written,
        Err(error) if error.is_conflict() => Outcome::Conflict,
        Err(_) => Outcome::Failed,
    }
}
