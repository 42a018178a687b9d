//! What the controller of peer Deployments writes to the API server, while it holds the lease.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec};
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{PeerState, PeerStore, Pod, Snapshot};
use crate::k8s::{Leadership, ObjectKey, WriteError};
use crate::vocabulary as keys;

/// A write that takes longer counts as failed. If it is carried out all the same, its resourceVersion shows it.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Writes while the lease is held.
#[derive(Clone)]
pub(super) struct Writer {
    client: Client,
    store: PeerStore,
    leadership: Leadership,
}

impl Writer {
    /// Before a Pod is deleted, `store` is compared with the API server.
    pub(super) fn new(client: Client, store: PeerStore, leadership: Leadership) -> Self {
        Self { client, store, leadership }
    }

    /// Sets the replicas of the very Deployment that `snapshot` shows. Gives the resourceVersion that this made.
    pub(super) async fn scale(&self, key: &ObjectKey, snapshot: &Snapshot, to: u32) -> Result<String, WriteError> {
        let scale = Scale {
            metadata: ObjectMeta {
                name: Some(key.name.clone()),
                namespace: Some(key.namespace.clone()),
                uid: Some(snapshot.uid.clone()),
                resource_version: Some(snapshot.resource_version.clone()),
                ..Default::default()
            },
            spec: Some(ScaleSpec { replicas: Some(i32::try_from(to).unwrap_or(i32::MAX)) }),
            status: None,
        };
        let manager = PostParams { field_manager: Some(keys::FIELD_MANAGER.to_owned()), ..Default::default() };
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        let scaled =
            self.leadership.write_within(TIMEOUT, deployments.replace_scale(&key.name, &manager, &scale)).await?;
        Ok(scaled.metadata.resource_version.unwrap_or_default())
    }

    /// Makes a Pod the first of its ReplicaSet to go, and names the departed base on it.
    pub(super) async fn mark(&self, namespace: &str, pod: &Pod, departed: &str) -> Result<(), WriteError> {
        let cost = json!(keys::POD_DELETION_COST_LOWEST);
        self.annotate_pod(
            namespace,
            pod,
            json!({keys::POD_DELETION_COST: cost, keys::DEPARTED: departed, keys::DEPARTED_OLDER: null}),
        )
        .await
    }

    /// Removes the mark.
    pub(super) async fn unmark(&self, namespace: &str, pod: &Pod) -> Result<(), WriteError> {
        let none = json!({keys::POD_DELETION_COST: null, keys::DEPARTED: null, keys::DEPARTED_OLDER: null});
        self.annotate_pod(namespace, pod, none).await
    }

    /// Asks the API server whether the Deployment is still as `snapshot` shows it, before writes that depend on it and do not
    /// write it: these have no resourceVersion to name.
    pub(super) async fn is_current(&self, key: &ObjectKey, snapshot: &Snapshot) -> Result<(), WriteError> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        let is = self.leadership.write_within(TIMEOUT, deployments.get_metadata(&key.name)).await?.metadata;
        let is_same =
            is.uid.as_ref() == Some(&snapshot.uid) && is.resource_version.as_ref() == Some(&snapshot.resource_version);
        if is_same { Ok(()) } else { Err(WriteError::Outdated) }
    }

    /// Deletes the very Pod that was seen, if it is still on a departed base. Gives whether it was there.
    pub(super) async fn delete(&self, key: &ObjectKey, pod: &Pod, departed: &str) -> Result<bool, WriteError> {
        let pods: Api<v1::Pod> = Api::namespaced(self.client.clone(), &key.namespace);
        let this_one = Preconditions { uid: Some(pod.uid.clone()), resource_version: None };
        let params = DeleteParams { preconditions: Some(this_one), ..DeleteParams::default() };
        let delete = async {
            if !self.store.is_departed(&self.client, key, &pod.uid, departed).await? {
                return Ok(false);
            }
            pods.delete(&pod.name, &params).await.map(|_| true)
        };
        match self.leadership.write_within(TIMEOUT, delete).await {
            Ok(true) => Ok(true),
            Ok(false) => Err(WriteError::Outdated),
            Err(error) if error.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes the state annotation of a Deployment, and removes the older one.
    pub(super) async fn state(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        state: &PeerState,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let value = state.to_annotation(now).map_err(kube::Error::SerdeError)?;
        let annotations = json!({keys::PEER_STATE: value, keys::PEER_STATE_OLDER: null});
        let patch = json!({"metadata": {"uid": snapshot.uid, "annotations": annotations}});
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        let (params, patch) = (by_warden(), Patch::Merge(patch));
        let write = deployments.patch_metadata(&key.name, &params, &patch);
        self.leadership.write_within(TIMEOUT, write).await.map(|_| ())
    }

    async fn annotate_pod(&self, namespace: &str, pod: &Pod, annotations: Value) -> Result<(), WriteError> {
        // The uid makes this a conflict for another Pod of the same name.
        let patch = json!({"metadata": {"uid": pod.uid, "annotations": annotations}});
        let pods: Api<v1::Pod> = Api::namespaced(self.client.clone(), namespace);
        match self
            .leadership
            .write_within(TIMEOUT, pods.patch_metadata(&pod.name, &by_warden(), &Patch::Merge(patch)))
            .await
        {
            // A Pod that is gone needs no mark. A conflict is an error: the write has to be tried again.
            Err(error) if error.is_gone() => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

fn by_warden() -> PatchParams {
    PatchParams { field_manager: Some(keys::FIELD_MANAGER.to_owned()), ..Default::default() }
}
