//! Manifests as users write them.

use anyhow::Result;
use serde_json::{Value, json};

/// The manifest of Koupleless' tutorial.
pub(crate) const TUTORIAL: &str = include_str!("../fixtures/tutorial.yaml");

/// A module with nothing but what it is: its name, jar, version and base.
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) base: String,
}

impl Module {
    pub(crate) fn new(name: &str, version: &str, base: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), base: base.to_owned() }
    }

    /// The annotations that say which base.
    pub(crate) fn annotations(&self) -> Value {
        json!({"base.koupleless.io/name": self.base, "base.koupleless.io/version": "1.0.0"})
    }

    pub(crate) fn spec(&self) -> Value {
        // A short grace period, for pods are gone only at its end.
        json!({"terminationGracePeriodSeconds": 1, "containers": [{
            "name": self.name,
            "image": format!("https://repo.example.com/{}-{}-ark-biz.jar", self.name, self.version),
            "env": [{"name": "BIZ_VERSION", "value": self.version}],
        }]})
    }

    pub(crate) fn template(&self) -> Value {
        json!({
            "metadata": {"labels": {"app": self.name, "virtual-kubelet.koupleless.io/component": "module"}},
            "spec": self.spec(),
        })
    }

    /// A bare Pod.
    pub(crate) fn pod(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.name,
                "labels": {"virtual-kubelet.koupleless.io/component": "module"},
                "annotations": self.annotations(),
            },
            "spec": self.spec(),
        })
    }

    pub(crate) fn deployment(&self, replicas: u32) -> Value {
        self.workload("Deployment", json!({"replicas": replicas}))
    }

    /// A workload of `apps/v1` with this template, and `spec` besides.
    pub(crate) fn workload(&self, kind: &str, mut spec: Value) -> Value {
        spec["selector"] = json!({"matchLabels": {"app": self.name}});
        spec["template"] = self.template();
        json!({
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": self.name, "annotations": self.annotations()},
            "spec": spec,
        })
    }
}

/// The kinds with a template that every cluster has.
pub(crate) const KINDS: [&str; 7] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"];

/// A workload of `kind` with a module's template but for its component label, so that it is none until it gets one.
pub(crate) fn unlabelled(kind: &str, module: &Module) -> Value {
    let (name, mut template) = (&module.name, module.template());
    template["metadata"]["labels"] = json!({"app": name});
    let (version, spec) = match kind {
        "Job" | "CronJob" => {
            template["spec"]["restartPolicy"] = json!("Never");
            let job = json!({"template": template});
            let spec = if kind == "Job" { job } else { json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}) };
            ("batch/v1", spec)
        }
        "ReplicationController" => ("v1", json!({"replicas": 0, "selector": {"app": name}, "template": template})),
        "DaemonSet" => ("apps/v1", json!({"selector": {"matchLabels": {"app": name}}, "template": template})),
        _ => ("apps/v1", json!({"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template})),
    };
    let metadata = json!({"name": name, "annotations": module.annotations()});
    json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
}

/// The template of such a workload.
pub(crate) fn template_of(workload: &mut Value) -> &mut Value {
    match workload["kind"].as_str() {
        Some("CronJob") => &mut workload["spec"]["jobTemplate"]["spec"]["template"],
        _ => &mut workload["spec"]["template"],
    }
}

/// A Deployment that is no module.
pub(crate) fn web_server(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "nginx"}]},
            },
        },
    })
}

/// [`TUTORIAL`] in this Namespace, for bases called `base`.
pub(crate) fn tutorial(namespace: &str, base: &str) -> Result<Value> {
    let text = TUTORIAL
        .replace("namespace: default", &format!("namespace: {namespace}"))
        .replace(r#"values: ["base"]"#, &format!("values: [{base:?}]"));
    Ok(serde_saphyr::from_str(&text)?)
}
