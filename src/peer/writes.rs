//! What is written to the API server for peer Deployments, and only by who holds the lease.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec};
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use thiserror::Error;

use crate::cluster::{ObjectKey, Pod, Snapshot};
use crate::runtime::Leadership;
use crate::vocabulary as words;

/// A write that takes longer has failed for us; one that lands all the same is found out by its resourceVersion.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Writes while the lease is held.
#[derive(Clone)]
pub(super) struct Writer {
    client: Client,
    leadership: Leadership,
}

/// Why something is not written, or perhaps not.
#[derive(Debug, Error)]
pub(super) enum WriteError {
    #[error("the lease is not held")]
    NotLeader,
    #[error("no answer within the time that was left")]
    Timeout,
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

impl Writer {
    pub(super) fn new(client: Client, leadership: Leadership) -> Self {
        Self { client, leadership }
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
        let manager = PostParams { field_manager: Some(words::FIELD_MANAGER.to_owned()), ..Default::default() };
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        let scaled = self.in_time(deployments.replace_scale(&key.name, &manager, &scale)).await?;
        Ok(scaled.metadata.resource_version.unwrap_or_default())
    }

    /// Makes a Pod the first of its ReplicaSet to go, and notes the base that departed.
    pub(super) async fn mark(&self, namespace: &str, pod: &Pod, departed: &str) -> Result<(), WriteError> {
        let cost = json!(words::POD_DELETION_COST_LOWEST);
        self.annotate_pod(namespace, pod, json!({words::POD_DELETION_COST: cost, words::DEPARTED: departed})).await
    }

    /// Takes the mark back.
    pub(super) async fn unmark(&self, namespace: &str, pod: &Pod) -> Result<(), WriteError> {
        self.annotate_pod(namespace, pod, json!({words::POD_DELETION_COST: null, words::DEPARTED: null})).await
    }

    /// Writes the line that says how the Deployment stands.
    pub(super) async fn status_line(&self, key: &ObjectKey, seen: &Snapshot, line: &str) -> Result<(), WriteError> {
        let patch = json!({"metadata": {"uid": seen.uid, "annotations": {words::PEER_STATUS: line}}});
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &key.namespace);
        self.in_time(deployments.patch_metadata(&key.name, &by_warden(), &Patch::Merge(patch))).await?;
        Ok(())
    }

    async fn annotate_pod(&self, namespace: &str, pod: &Pod, annotations: Value) -> Result<(), WriteError> {
        // The uid makes this a conflict for another Pod of the same name.
        let patch = json!({"metadata": {"uid": pod.uid, "annotations": annotations}});
        let pods: Api<v1::Pod> = Api::namespaced(self.client.clone(), namespace);
        match self.in_time(pods.patch_metadata(&pod.name, &by_warden(), &Patch::Merge(patch))).await {
            // Whoever is gone needs no mark. A conflict is no such news: the write has only to be tried again.
            Err(error) if error.is_gone() => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Runs a write if the lease is held, and for no longer than it is surely held.
    async fn in_time<T>(&self, write: impl Future<Output = Result<T, kube::Error>>) -> Result<T, WriteError> {
        let left = self.leadership.left().ok_or(WriteError::NotLeader)?;
        let answer = tokio::time::timeout(left.min(TIMEOUT), write).await;
        Ok(answer.map_err(|_| WriteError::Timeout)??)
    }
}

impl WriteError {
    /// The object is not there.
    pub(super) fn is_gone(&self) -> bool {
        self.code() == Some(404)
    }

    /// The object is another one than was seen.
    pub(super) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// The API server, or an admission plugin there, understood the write and will not have it.
    pub(super) fn is_refused(&self) -> bool {
        self.code().is_some_and(|code| (400..500).contains(&code) && ![404, 408, 409, 429].contains(&code))
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Kube(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }
}

fn by_warden() -> PatchParams {
    PatchParams { field_manager: Some(words::FIELD_MANAGER.to_owned()), ..Default::default() }
}
