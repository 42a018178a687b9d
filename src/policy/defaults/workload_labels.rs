//! Environment and cluster as labels of the workload. ModuleController finds by these what to install on a restarting base.

use serde_json::json;

use super::super::Policy;
use super::super::declarations::{self, Declarations, NamespaceFacts};
use super::{Context, Edit};
use crate::module::{Kind, Workload};
use crate::vocabulary as keys;

/// Adds the labels that are absent and whose value is known.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    if context.workload.kind() == Kind::Pod {
        return Vec::new();
    }
    let metadata = context.workload.metadata();
    known(context.workload, context.request.namespace, context.policy)
        .into_iter()
        .filter(|(key, _)| metadata.label(key).is_none())
        .filter_map(|(key, value)| Some(Edit::Add(metadata.label_path(key), json!(value?))))
        .collect()
}

/// The environment and the cluster, where each is known to be one value.
pub(in crate::policy) fn known<'a>(
    workload: Workload<'a>,
    namespace: Option<&'a NamespaceFacts>,
    policy: &'a Policy,
) -> [(&'static str, Option<&'a str>); 2] {
    let env = match declarations::envs(workload, namespace, &policy.default_env).as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    let cluster = declarations::single_demand(&workload.template(), keys::BASE_CLUSTER_NAME)
        .or_else(|| Declarations::of(workload, namespace).get(keys::BASE_CLUSTER_NAME));
    [(keys::ENV, env), (keys::BASE_CLUSTER_NAME, cluster)]
}
