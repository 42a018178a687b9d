//! Manifests to start from.

/// A module as its author writes it, with what only the author can know: the module, and the base it is for.
pub(crate) const MODULE: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: biz1
  namespace: shop
spec:
  replicas: 3
  selector:
    matchLabels: {app: biz1}
  template:
    metadata:
      labels:
        app: biz1
        virtual-kubelet.koupleless.io/component: module
      annotations:
        base.koupleless.io/name: base
        base.koupleless.io/version: 1.0.0
    spec:
      containers:
      - name: biz1
        image: https://repo.example.com/biz1-1.0.0-ark-biz.jar
        env:
        - name: BIZ_VERSION
          value: "1.0.0"
"#;

/// A workload that warden has nothing to do with.
pub(crate) const ORDINARY: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx
"#;

/// The official tutorial's Deployment, to the letter.
pub(crate) const TUTORIAL: &str = include_str!("../../fixtures/tutorial.yaml");

/// [`MODULE`] without `part`, which must be in it.
#[track_caller]
pub(crate) fn module_without(part: &str) -> String {
    module_with(part, "")
}

/// [`MODULE`] with `part`, which must be in it, changed.
#[track_caller]
pub(crate) fn module_with(part: &str, instead: &str) -> String {
    assert!(MODULE.contains(part), "{part:?} is not in the manifest");
    MODULE.replace(part, instead)
}

/// A module whose version is unknown: refused.
pub(crate) fn refused_module() -> String {
    module_without("        env:\n        - name: BIZ_VERSION\n          value: \"1.0.0\"\n").replace("biz1", "broken")
}

/// These manifests as documents of one file.
pub(crate) fn documents(manifests: &[&str]) -> String {
    manifests.join("\n---\n")
}
