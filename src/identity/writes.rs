//! What the controller of identity labels writes to the API server, while it holds the lease.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Map, Value, json};

use crate::cluster::UnlabelledPod;
use crate::k8s::{Leadership, ObjectKey, WriteError};
use crate::vocabulary as keys;

/// A write that takes longer counts as failed. If it is carried out all the same, it was right.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Writes while the lease is held.
#[derive(Clone)]
pub(super) struct Writer {
    client: Client,
    leadership: Leadership,
}

impl Writer {
    pub(super) fn new(client: Client, leadership: Leadership) -> Self {
        Self { client, leadership }
    }

    /// Gives the very Pod that was seen its identity labels. A Pod that is gone needs none.
    pub(super) async fn label(&self, key: &ObjectKey, pod: &UnlabelledPod) -> Result<(), WriteError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &key.namespace);
        let params = PatchParams { field_manager: Some(keys::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch(pod));
        match self.leadership.write_within(TIMEOUT, pods.patch_metadata(&key.name, &params, &patch)).await {
            Err(error) if error.is_gone() => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// The uid makes the patch a conflict for another Pod of the same name.
fn patch(pod: &UnlabelledPod) -> Value {
    let missing = pod.missing.iter().map(|(key, value)| (key.clone(), json!(value)));
    let foreign = pod.foreign.iter().map(|key| (key.clone(), Value::Null));
    json!({"metadata": {"uid": pod.uid, "labels": missing.chain(foreign).collect::<Map<_, _>>()}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_sets_what_is_missing_and_removes_what_is_foreign() {
        let pod = UnlabelledPod {
            uid: "u".to_owned(),
            missing: [("a".to_owned(), "1".to_owned())].into(),
            foreign: vec!["b".to_owned()],
            deployment: None,
            opted_out: false,
        };
        assert_eq!(patch(&pod), json!({"metadata": {"uid": "u", "labels": {"a": "1", "b": null}}}));
    }
}
