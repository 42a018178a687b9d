//! Environment and cluster as labels of a peer Deployment, by which ModuleController puts its modules into the baseline of a base that
//! starts.
//!
//! ModuleController looks at these two labels only: it installs *every* module of a Deployment that has them on *every* base of that
//! environment and cluster, whatever name or version the base has and whatever `replicas` says (measured, ModuleController 2.2.0). So
//! only a Deployment of which just this is true gets them: a peer that asks for nothing but its cluster.

use serde_json::json;

use super::{Context, Edit};
use crate::module::{Template, Workload};
use crate::policy::declarations::{chosen_envs, single_demand};
use crate::policy::{Policy, Request};
use crate::vocabulary as keys;

/// Adds the labels that are missing, and makes those follow that stood for what the Deployment asked for before.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    if !context.workload.is_peer() {
        return Vec::new();
    }
    let metadata = context.workload.metadata();
    let labels = labels_of(context.workload, context.request, context.policy);
    let before = context.request.old.map(|old| {
        labels_of(Workload::new(context.request.kind, old), Request { old: None, ..context.request }, context.policy)
    });
    let mut edits = Vec::new();
    for (at, (key, value)) in labels.iter().enumerate() {
        let label = metadata.label(key);
        let stood_for_before =
            before.as_ref().is_some_and(|before| label.is_some() && before[at].1.as_deref() == label);
        match value {
            Some(value) if label.is_none() || (stood_for_before && label != Some(value)) => {
                edits.push(Edit::Set(metadata.label_path(key), json!(value)));
            }
            None if stood_for_before => edits.push(Edit::Remove(metadata.label_path(key))),
            _ => {}
        }
    }
    edits
}

/// The two labels with their values; none unless ModuleController would be right to go by them.
fn labels_of(workload: Workload<'_>, request: Request<'_>, policy: &Policy) -> [(&'static str, Option<String>); 2] {
    let pod = policy.pod_of(request, workload.object());
    let pod = Workload::new(crate::module::Kind::Pod, &pod).template();
    let [env, cluster] =
        of_every_base_of_a_cluster(&pod).filter(|_| workload.is_peer()).map_or([None, None], |labels| labels.map(Some));
    [(keys::ENV, env), (keys::BASE_CLUSTER_NAME, cluster)]
}

/// The environment and the cluster of a Pod that asks for nothing else of its base.
pub(in crate::policy) fn of_every_base_of_a_cluster(pod: &Template<'_>) -> Option<[String; 2]> {
    let asks_only_for = |key: &str| [keys::ENV, keys::BASE_CLUSTER_NAME].contains(&key);
    let terms = pod.node_terms().unwrap_or_default();
    let in_terms =
        terms.iter().all(|term| term.fields().is_empty() && term.expressions().iter().all(|it| asks_only_for(it.key)));
    let in_selector = pod.node_selector_keys().into_iter().all(asks_only_for);
    let [env] = chosen_envs(pod)[..] else { return None };
    let cluster = single_demand(pod, keys::BASE_CLUSTER_NAME)?;
    (in_terms && in_selector && pod.node_name().is_none()).then(|| [env.to_owned(), cluster.to_owned()])
}
