//! What a LimitRange of the Namespace added to a Pod is set to zero: no vnode has cpu or ephemeral storage, and its memory is the
//! metaspace of the base, if it has any. A Pod that requests them is never scheduled.
//!
//! The in-tree plugin LimitRanger runs before the webhook, and says on the Pod what it added. What the user asked for stays.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Context, Edit};
use crate::vocabulary as keys;

/// The resources that no vnode can be relied on to have. Modules request zero of them.
pub(in crate::policy) const UNAVAILABLE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Sets to zero what LimitRanger says that it added.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    let Some(added) = template.metadata().annotation(keys::LIMIT_RANGER).map(Added::read) else {
        return Vec::new();
    };
    let mut edits = Vec::new();
    let containers = template.containers().into_iter().map(|container| ("container", container));
    let init_containers = template.init_containers().into_iter().map(|container| ("init container", container));
    for (what, container) in containers.chain(init_containers) {
        let name = format!("{what} {}", container.name());
        for resource in UNAVAILABLE {
            let amount = |field| {
                let path = container.path().fields(&["resources", field]).key(resource);
                let value = path.get(context.workload.object())?.clone();
                Some((path, value))
            };
            let was_added = |sort| added.has(resource, sort, &name);
            let request = amount("requests");
            // The API server refuses a request above its limit. A limit beside the user's own request keeps the Pod off no base.
            let is_own = request.is_some() && !was_added("request");
            let of_plugin =
                [request.filter(|_| was_added("request")), amount("limits").filter(|_| was_added("limit") && !is_own)];
            let above_zero = of_plugin.into_iter().flatten().filter(|(_, value)| *value != json!("0"));
            edits.extend(above_zero.map(|(path, _)| Edit::Set(path, json!("0"))));
        }
    }
    edits
}

/// What the plugin added, by its sentence: each resource with the sort of amount, `request` or `limit`, and the container, such as
/// `container a` or `init container a`. A user can write the sentence, too, so it is read once and not for each container.
struct Added<'a>(BTreeSet<(&'a str, &'a str, &'a str)>);

impl<'a> Added<'a> {
    /// Reads a sentence such as `LimitRanger plugin set: cpu, memory request for container a; cpu limit for container a`
    /// (`plugin/pkg/admission/limitranger`).
    fn read(sentence: &'a str) -> Self {
        let parts = sentence.split_once("plugin set: ").map_or("", |(_, parts)| parts).split("; ");
        let amounts = parts.filter_map(|part| {
            let (amounts, container) = part.split_once(" for ")?;
            let (resources, sort) = amounts.rsplit_once(' ')?;
            Some(resources.split(", ").map(move |resource| (resource, sort, container)))
        });
        Self(amounts.flatten().collect())
    }

    fn has(&self, resource: &str, sort: &str, container: &str) -> bool {
        self.0.contains(&(resource, sort, container))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::first("cpu", "request", "container orders", true)]
    #[case::second("memory", "request", "container orders", true)]
    #[case::limit("cpu", "limit", "container orders", true)]
    #[case::not_that_limit("memory", "limit", "container orders", false)]
    #[case::another_container("cpu", "request", "container stock", false)]
    #[case::the_end_of_a_name("cpu", "request", "container rders", false)]
    #[case::init_container("cpu", "request", "init container i", true)]
    #[case::no_init_container("cpu", "request", "container i", false)]
    fn the_sentence_of_the_plugin_is_read(
        #[case] resource: &str,
        #[case] sort: &str,
        #[case] container: &str,
        #[case] added: bool,
    ) {
        let sentence = "LimitRanger plugin set: cpu, memory request for container orders; cpu limit for container orders; cpu request for init container i";
        assert_eq!(Added::read(sentence).has(resource, sort, container), added);
    }
}
