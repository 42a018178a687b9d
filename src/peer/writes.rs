//! What is written to the API server for peer Deployments, and only by who holds the lease.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec};
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::k8s::ObjectKey;
use crate::k8s::{Leadership, WriteError};
use crate::peer::{PeerStore, Pod, Snapshot};
use crate::vocabulary as keys;

/// A write that takes longer has failed for us; one that lands all the same is found out by its resourceVersion.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Writes while the lease is held.
#[derive(Clone)]
pub(super) struct Writer {
    client: Client,
    cache: PeerStore,
    leadership: Leadership,
}

impl Writer {
    /// Before what is irrevocable `cache` is compared with the API server's word.
    pub(super) fn new(client: Client, cache: PeerStore, leadership: Leadership) -> Self {
        Self { client, cache, leadership }
    }

    /// Sets the replicas of the very Deployment that was seen. Gives the resourceVersion that this made.
    pub(super) async fn scale(&self, key: &ObjectKey, seen: &Snapshot, to: u32) -> Result<String, WriteError> {
        let scale = Scale {
            metadata: ObjectMeta {
                name: Some(key.name.clone()),
                namespace: Some(key.namespace.clone()),
                uid: Some(seen.uid.clone()),
                resource_version: Some(seen.resource_version.clone()),
                ..Default::default()
            },
            spec: Some(ScaleSpec { replicas: Some(i32::try_from(to).unwrap_or(i32::MAX)) }),
            status: None,
        };
        let manager = PostParams { field_manager: Some(keys::FIELD_MANAGER.to_owned()), ..Default::default() };
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        let scaled = self.leadership.in_time(TIMEOUT, deployments.replace_scale(&key.name, &manager, &scale)).await?;
        Ok(scaled.metadata.resource_version.unwrap_or_default())
    }

    /// Makes a Pod the first of its ReplicaSet to go, and notes the base that departed.
    pub(super) async fn mark(&self, namespace: &str, pod: &Pod, departed: &str) -> Result<(), WriteError> {
        let cost = json!(keys::POD_DELETION_COST_LOWEST);
        self.annotate_pod(namespace, pod, json!({keys::POD_DELETION_COST: cost, keys::DEPARTED: departed})).await
    }

    /// Takes the mark back.
    pub(super) async fn unmark(&self, namespace: &str, pod: &Pod) -> Result<(), WriteError> {
        self.annotate_pod(namespace, pod, json!({keys::POD_DELETION_COST: null, keys::DEPARTED: null})).await
    }

    /// Sees that the Deployment is still as it was seen: what goes by it and does not write it has no resourceVersion to name.
    pub(super) async fn is_current(&self, key: &ObjectKey, seen: &Snapshot) -> Result<(), WriteError> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        let is = self.leadership.in_time(TIMEOUT, deployments.get_metadata(&key.name)).await?.metadata;
        let is_same =
            is.uid.as_ref() == Some(&seen.uid) && is.resource_version.as_ref() == Some(&seen.resource_version);
        if is_same { Ok(()) } else { Err(WriteError::Outdated) }
    }

    /// Deletes the very Pod that was seen, if it is still one of a departed base. Says whether it was there.
    pub(super) async fn delete(&self, key: &ObjectKey, pod: &Pod, departed: &str) -> Result<bool, WriteError> {
        let pods: Api<v1::Pod> = Api::namespaced(self.client.clone(), &key.namespace);
        let very_one = Preconditions { uid: Some(pod.uid.clone()), resource_version: None };
        let params = DeleteParams { preconditions: Some(very_one), ..DeleteParams::default() };
        let delete = async {
            if !self.cache.is_departed(&self.client, key, &pod.uid, departed).await? {
                return Ok(false);
            }
            pods.delete(&pod.name, &params).await.map(|_| true)
        };
        match self.leadership.in_time(TIMEOUT, delete).await {
            Ok(true) => Ok(true),
            Ok(false) => Err(WriteError::Outdated),
            Err(error) if error.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes the line that says how the Deployment stands.
    pub(super) async fn status_line(&self, key: &ObjectKey, seen: &Snapshot, line: &str) -> Result<(), WriteError> {
        let patch = json!({"metadata": {"uid": seen.uid, "annotations": {keys::PEER_STATUS: line}}});
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        self.leadership
            .in_time(TIMEOUT, deployments.patch_metadata(&key.name, &by_warden(), &Patch::Merge(patch)))
            .await?;
        Ok(())
    }

    async fn annotate_pod(&self, namespace: &str, pod: &Pod, annotations: Value) -> Result<(), WriteError> {
        // The uid makes this a conflict for another Pod of the same name.
        let patch = json!({"metadata": {"uid": pod.uid, "annotations": annotations}});
        let pods: Api<v1::Pod> = Api::namespaced(self.client.clone(), namespace);
        match self.leadership.in_time(TIMEOUT, pods.patch_metadata(&pod.name, &by_warden(), &Patch::Merge(patch))).await
        {
            // Whoever is gone needs no mark. A conflict is no such news: the write has only to be tried again.
            Err(error) if error.is_gone() => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

fn by_warden() -> PatchParams {
    PatchParams { field_manager: Some(keys::FIELD_MANAGER.to_owned()), ..Default::default() }
}
