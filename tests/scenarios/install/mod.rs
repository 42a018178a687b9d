//! The chart, by real Helm on a real control plane, where KWOK makes its Pods look as if they ran.

mod again;
mod documents;
mod lifecycle;
mod manifests;
mod metrics;
mod pods;
mod restart;
mod rights;
mod rules;
mod values;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use warden_testbed::{ControlPlane, Options, eventually, helm_program};

use crate::scene::LONG;

/// How the chart's objects are called where the release is called so too; and their Namespace in the manifests that ship.
const NAME: &str = "koupleless-warden";

/// A kind that the API server has, as Helm knows it where it asks none.
const POLICIES: &str = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy";

/// The kinds of others that the chart makes objects of.
const FOREIGN: [(&str, &str, &str); 4] = [
    ("cert-manager.io", "Issuer", "issuers"),
    ("cert-manager.io", "Certificate", "certificates"),
    ("monitoring.coreos.com", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "PrometheusRule", "prometheusrules"),
];

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The path of the chart, as an argument.
fn chart() -> String {
    in_repository("deploy/chart").display().to_string()
}

/// What `helm template` makes of the chart with these arguments.
fn render(namespace: &str, release: &str, args: &[&str]) -> Result<String> {
    let mut command = Command::new(helm_program()?);
    command.args(["template", release, &chart(), "--namespace", namespace, "--api-versions", POLICIES]).args(args);
    let output = command.output().context("cannot start Helm")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The objects among these YAML documents.
fn objects(documents: &str) -> Result<Vec<Value>> {
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).with_context(|| text.to_owned());
    let objects = documents.split("---\n").map(read).collect::<Result<Vec<_>>>()?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// A control plane with an ordinary node, for warden's own Pods.
async fn plane() -> Result<ControlPlane> {
    let plane = ControlPlane::start(Options::new()).await?;
    for node in ["ordinary-1", "ordinary-2"] {
        plane.add_ordinary_node(node).await?;
    }
    Ok(plane)
}

/// The one that tests share which install and uninstall, and call no webhook.
async fn shared_plane() -> Result<&'static ControlPlane> {
    static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            let plane = plane().await?;
            // As many as any release has replicas: with hostNetwork, a Node runs one of them.
            for node in ["ordinary-3", "ordinary-4"] {
                plane.add_ordinary_node(node).await?;
            }
            define_foreign_kinds(&plane).await?;
            Ok(plane)
        })
        .await
}

/// The kinds of cert-manager and of the Prometheus Operator, by name only: this says nothing about whether they would take
/// what is in the objects.
async fn define_foreign_kinds(plane: &ControlPlane) -> Result<()> {
    let version = |name: &str| {
        let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        json!([{"name": name, "served": true, "storage": true, "schema": {"openAPIV3Schema": anything}}])
    };
    let items = FOREIGN.map(|(group, kind, plural)| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced", "versions": version("v1"),
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            },
        })
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    plane.kubectl_with_stdin(&["apply", "-f", "-"], &list).await?.expect_success()?;
    plane.kubectl(&["wait", "--for=condition=established", "crd", "--all", "--timeout=60s"]).await?.expect_success()?;
    Ok(())
}

/// A Namespace that admits only Pods of the strictest standard.
async fn restricted_namespace(plane: &ControlPlane, name: &str) -> Result<()> {
    namespace_of_standard(plane, name, "restricted").await
}

/// A Namespace that admits only Pods of this Pod Security standard.
async fn namespace_of_standard(plane: &ControlPlane, name: &str, standard: &str) -> Result<()> {
    let labels = json!({"pod-security.kubernetes.io/enforce": standard});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
    plane.kubectl_with_stdin(&["create", "-f", "-"], &namespace.to_string()).await?.expect_success()?;
    Ok(())
}

/// All that is there and has to do with an installation: what is in its Namespace, and what is called by its name. Without
/// Events, which an uninstallation leaves, and Pods that are being deleted, which takes some time.
async fn belongings(plane: &ControlPlane, namespace: &str, name: &str) -> Result<BTreeSet<String>> {
    belongings_of(plane, &kinds(plane).await?, namespace, name).await
}

/// All kinds but Events, as an argument.
async fn kinds(plane: &ControlPlane) -> Result<String> {
    let kinds = plane.kubectl(&["api-resources", "--verbs=list,delete", "-o", "name"]).await?.expect_success()?;
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    Ok(kinds.join(","))
}

async fn belongings_of(plane: &ControlPlane, kinds: &str, namespace: &str, name: &str) -> Result<BTreeSet<String>> {
    let columns =
        "custom-columns=NAMESPACE:.metadata.namespace,KIND:.kind,NAME:.metadata.name,GOES:.metadata.deletionTimestamp";
    let list = plane.kubectl(&["get", kinds, "-A", "-o", columns, "--no-headers"]).await?.expect_success()?;
    let rows = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let is_going = |row: &[&str]| row.get(1) == Some(&"Pod") && row.get(3) != Some(&"<none>");
    let rows = rows.filter(|row| !is_going(row)).map(|row| row.join(" "));
    Ok(rows.filter(|row| row.starts_with(&format!("{namespace} ")) || row.contains(name)).collect())
}

/// Waits until there is what was there before, and nothing else.
async fn nothing_is_left(plane: &ControlPlane, namespace: &str, name: &str, before: &BTreeSet<String>) -> Result<()> {
    let kinds = kinds(plane).await?;
    eventually("nothing is left", LONG, async || {
        let now = belongings_of(plane, &kinds, namespace, name).await.map_err(|error| error.to_string())?;
        if &now == before { Ok(()) } else { Err(format!("{:?}", now.symmetric_difference(before))) }
    })
    .await
}

/// An object as it is stored.
async fn stored(plane: &ControlPlane, namespace: &str, what: &str) -> Result<Value> {
    plane.objects(namespace)?.get(what).await
}

/// Both webhook configurations of this name.
fn configurations(name: &str) -> [String; 2] {
    ["mutating", "validating"].map(|kind| format!("{kind}webhookconfiguration/{name}"))
}

/// What stands in `caBundle` of each of the webhooks.
async fn ca_bundles(plane: &ControlPlane, name: &str) -> Result<Vec<Value>> {
    let mut bundles = Vec::new();
    for configuration in configurations(name) {
        let stored = stored(plane, "default", &configuration).await?;
        let webhooks = stored["webhooks"].as_array().context("no webhooks")?;
        bundles.extend(webhooks.iter().map(|webhook| webhook["clientConfig"]["caBundle"].clone()));
    }
    Ok(bundles)
}

/// Writes `caBundle` as warden does: applied, and nothing but that.
async fn apply_ca_bundle(plane: &ControlPlane, name: &str, pem: &str) -> Result<()> {
    let bundle = serde_json::to_value(k8s_openapi::ByteString(pem.as_bytes().to_vec()))?;
    for configuration in configurations(name) {
        let stored = stored(plane, "default", &configuration).await?;
        let webhooks = stored["webhooks"].as_array().context("no webhooks")?.iter();
        let webhooks: Vec<Value> =
            webhooks.map(|webhook| json!({"name": webhook["name"], "clientConfig": {"caBundle": bundle}})).collect();
        let applied = json!({
            "apiVersion": stored["apiVersion"], "kind": stored["kind"],
            "metadata": {"name": name}, "webhooks": webhooks,
        });
        let args = ["apply", "--server-side", "--field-manager=warden", "-f", "-"];
        plane.kubectl_with_stdin(&args, &applied.to_string()).await?.expect_success()?;
    }
    Ok(())
}
