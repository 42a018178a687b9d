//! Environment and cluster as labels of the workload: by these two ModuleController finds what a restarting base carried.

use serde_json::json;

use super::super::Policy;
use super::super::sources::{self, NamespaceFacts, Sources};
use super::{Scene, Step};
use crate::module::{Kind, Workload};
use crate::vocabulary as keys;

/// Adds the labels that are absent; the cluster's only where it is known.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    if scene.workload.kind() == Kind::Pod {
        return Vec::new();
    }
    let metadata = scene.workload.metadata();
    known(scene.workload, scene.request.namespace, scene.policy)
        .into_iter()
        .filter(|(key, _)| metadata.label(key).is_none())
        .filter_map(|(key, value)| Some(Step::Add(metadata.label_path(key), json!(value?))))
        .collect()
}

/// What is known of environment and cluster.
pub(in crate::policy) fn known<'a>(
    workload: Workload<'a>,
    namespace: Option<&'a NamespaceFacts>,
    policy: &'a Policy,
) -> [(&'static str, Option<&'a str>); 2] {
    let env = match sources::envs(workload, namespace, &policy.default_env).as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    let cluster = sources::single_demand(&workload.template(), keys::BASE_CLUSTER_NAME)
        .or_else(|| Sources::of(workload, namespace).get(keys::BASE_CLUSTER_NAME));
    [(keys::ENV, env), (keys::BASE_CLUSTER_NAME, cluster)]
}
