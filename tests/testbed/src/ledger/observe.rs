//! From Kubernetes' objects to what the books need of them.

use k8s_openapi::api::core::v1::{Container, Node, Pod};
use kube::{Resource, ResourceExt};

use super::{Module, NodeSeen, PodSeen};

/// The variable that carries a module's version.
const BIZ_VERSION: &str = "BIZ_VERSION";

pub(super) fn pod(pod: &Pod) -> PodSeen {
    let spec = pod.spec.as_ref();
    PodSeen {
        uid: pod.uid().unwrap_or_default(),
        name: format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any()),
        node: spec.and_then(|spec| spec.node_name.clone()).filter(|node| !node.is_empty()),
        modules: spec.map(|spec| spec.containers.iter().map(module).collect()).unwrap_or_default(),
        is_deleted: pod.metadata.deletion_timestamp.is_some(),
        resource_version: resource_version(pod),
    }
}

pub(super) fn node(node: &Node) -> NodeSeen {
    NodeSeen { uid: node.uid().unwrap_or_default(), name: node.name_any(), resource_version: resource_version(node) }
}

/// They are numbers that grow; clients may compare them since Kubernetes 1.35.
pub(super) fn resource_version(object: &impl Resource) -> u64 {
    parse_version(object.meta().resource_version.as_deref())
}

pub(super) fn parse_version(version: Option<&str>) -> u64 {
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

fn module(container: &Container) -> Result<Module, (String, &'static str)> {
    let refused = |reason| Err((container.name.clone(), reason));
    let Some(variable) = container.env.iter().flatten().find(|variable| variable.name == BIZ_VERSION) else {
        return refused("it has no BIZ_VERSION");
    };
    match variable.value.as_deref().unwrap_or_default() {
        "" => refused("its BIZ_VERSION has no literal value"),
        version if version.contains(':') => refused("its BIZ_VERSION has a colon"),
        version => Ok(Module::new(&container.name, version)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn container(env: Value) -> Result<Module, (String, &'static str)> {
        let container = json!({ "name": "biz1", "image": "http://example.org/biz1.jar", "env": env });
        module(&serde_json::from_value(container).unwrap_or_default())
    }

    #[test]
    fn the_first_literal_version_counts() {
        let env = json!([{ "name": "BIZ_VERSION", "value": "1.0.0" }, { "name": "BIZ_VERSION", "value": "2.0.0" }]);
        assert_eq!(container(env), Ok(Module::new("biz1", "1.0.0")));
    }

    #[test]
    fn a_base_refuses_what_has_no_usable_version() {
        for env in [
            json!([]),
            json!([{ "name": "BIZ_VERSION" }]),
            json!([{ "name": "BIZ_VERSION", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }]),
            json!([{ "name": "BIZ_VERSION", "value": "1:0" }]),
        ] {
            assert!(container(env.clone()).is_err(), "{env}");
        }
    }
}
