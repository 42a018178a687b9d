//! What the admission policy lets warden's account change of the objects that RBAC lets it write.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{ControlPlane, eventually, helm_program};

use super::super::{NAME, chart, configurations, objects, plane, render, stored};
use super::grant::Roles;
use crate::scene::LONG;

/// The namespace of the objects that are not warden's.
const ELSEWHERE: &str = "default";
/// A refusal by the policy, and not by RBAC.
const BY_THE_POLICY: &str = "no controller of warden's makes this";

/// What RBAC lets warden's account write and the policy says nothing of: the Secret and the Leases by name, and Events.
const WITHOUT_A_POLICY: [&str; 3] = ["secrets", "leases", "events"];

/// A write as warden's account.
enum Write {
    /// These fields of the object, by server-side apply.
    Apply(Value),
    /// This object, in place of the one at the path.
    Replace(&'static str, Value),
    /// The deletion of the object at the path.
    Delete(&'static str),
}

use Write::{Apply, Delete, Replace};

impl Write {
    async fn make(&self, plane: &ControlPlane) -> Result<warden_testbed::KubectlOutput> {
        let account = format!("--as=system:serviceaccount:{NAME}:{NAME}");
        match self {
            Apply(fields) => {
                let apply = [
                    &account,
                    "-n",
                    ELSEWHERE,
                    "apply",
                    "--server-side",
                    "--force-conflicts",
                    "--field-manager=warden",
                    "-f",
                    "-",
                ];
                plane.kubectl_with_stdin(&apply, &fields.to_string()).await
            }
            Replace(path, object) => {
                plane.kubectl_with_stdin(&[&account, "replace", "--raw", path, "-f", "-"], &object.to_string()).await
            }
            Delete(path) => plane.kubectl(&[&account, "delete", "--raw", path]).await,
        }
    }
}

fn pod(name: &str, labels: &Value, spec: Value) -> Value {
    let metadata = json!({"name": name, "labels": labels});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// One container, on no node that exists.
fn containers(image: &str) -> Value {
    json!({"nodeSelector": {"none": "none"}, "containers": [{"name": "web", "image": image}]})
}

fn deployment(metadata: Value, spec: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata});
    if !spec.is_null() {
        object["spec"] = spec;
    }
    object["metadata"]["name"] = json!("web");
    object
}

/// These fields of the Pod `web`.
fn of_pod(fields: Value) -> Write {
    let mut object = json!({"apiVersion": "v1", "kind": "Pod"});
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object["metadata"]["name"] = json!("web");
    Apply(object)
}

fn scale(replicas: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": "web", "namespace": ELSEWHERE}, "spec": {"replicas": replicas},
    })
}

/// Each write that the policy refuses, and its neighbour that warden makes.
fn writes(webhook: &Value) -> Vec<(&'static str, Write, Write)> {
    const SCALE: &str = "/apis/apps/v1/namespaces/default/deployments/web/scale";
    let annotated =
        || Apply(deployment(json!({"annotations": {"state.warden.koupleless.io/peer": "{}"}}), Value::Null));
    let template = |spec: Value| json!({"template": {"spec": spec}});
    let pod_annotated = || of_pod(json!({"metadata": {"annotations": {"a": "b"}}}));
    let pod_labelled = || of_pod(json!({"metadata": {"labels": {"module.warden.koupleless.io/a": "1"}}}));
    let name = webhook["webhooks"][0]["name"].clone();
    let configuration = |metadata: Value, fields: Value| {
        let mut object = json!({"apiVersion": webhook["apiVersion"], "kind": webhook["kind"], "metadata": metadata});
        object["metadata"]["name"] = json!(NAME);
        object["webhooks"] = json!([{"name": name}]);
        if let (Value::Object(webhook), Value::Object(fields)) = (&mut object["webhooks"][0], fields) {
            webhook.extend(fields);
        }
        Apply(object)
    };
    let bundle = || configuration(json!({}), json!({"clientConfig": {"caBundle": "YQ=="}}));
    let mut another = webhook["webhooks"][0].clone();
    another["name"] = json!("another.warden.koupleless.io");
    vec![
        ("an image of a Deployment", Apply(deployment(json!({}), template(containers("evil")))), annotated()),
        (
            "a service account of a Deployment",
            Apply(deployment(json!({}), template(json!({"serviceAccountName": "admin"})))),
            annotated(),
        ),
        ("a pause", Apply(deployment(json!({}), json!({"paused": true}))), annotated()),
        ("replicas beside the scale", Apply(deployment(json!({}), json!({"replicas": 5}))), Replace(SCALE, scale(2))),
        ("a label of a Deployment", Apply(deployment(json!({"labels": {"a": "b"}}), Value::Null)), annotated()),
        ("a finalizer", Apply(deployment(json!({"finalizers": ["example.com/stay"]}), Value::Null)), annotated()),
        (
            "an image of a Pod",
            of_pod(json!({"spec": {"containers": [{"name": "web", "image": "evil"}]}})),
            pod_annotated(),
        ),
        (
            "a toleration of a Pod",
            of_pod(json!({"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}})),
            pod_annotated(),
        ),
        (
            "an owner of a Pod",
            of_pod(json!({"metadata": {"ownerReferences": [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "none"},
            ]}})),
            pod_labelled(),
        ),
        (
            "what makes a Pod a module",
            of_pod(json!({"metadata": {"labels": {
                "virtual-kubelet.koupleless.io/component": "module",
            }}})),
            pod_labelled(),
        ),
        (
            "the deletion of a Pod",
            Delete("/api/v1/namespaces/default/pods/web"),
            Delete("/api/v1/namespaces/default/pods/module"),
        ),
        ("a failure policy", configuration(json!({}), json!({"failurePolicy": "Ignore"})), bundle()),
        ("a timeout", configuration(json!({}), json!({"timeoutSeconds": 30})), bundle()),
        (
            "the rules of a webhook",
            configuration(
                json!({}),
                json!({"rules": [{
                    "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"],
                }]}),
            ),
            bundle(),
        ),
        (
            "the Service of a webhook",
            configuration(
                json!({}),
                json!({"clientConfig": {"service": {
                    "namespace": "default", "name": "evil",
                }}}),
            ),
            bundle(),
        ),
        ("an annotation of a configuration", configuration(json!({"annotations": {"a": "b"}}), json!({})), bundle()),
        ("one webhook more", configuration(json!({}), another), bundle()),
    ]
}

#[tokio::test]
async fn its_account_changes_only_the_fields_that_warden_writes() -> Result<()> {
    // Given warden installed as it comes, beside a Deployment and Pods, of which one is a module
    let plane = plane().await?;
    let spec = |image| {
        json!({
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": containers(image)},
        })
    };
    let module = json!({"virtual-kubelet.koupleless.io/component": "module"});
    let items = [
        deployment(json!({}), spec("good")),
        pod("web", &json!({"app": "other"}), containers("good")),
        pod("module", &module, containers("https://repo.example.com/a-1.0.0-ark-biz.jar")),
    ];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    plane.kubectl_with_stdin(&["create", "-n", ELSEWHERE, "-f", "-"], &list).await?.expect_success()?;
    plane.helm(&["install", NAME, &chart(), "--namespace", NAME, "--create-namespace"]).await?;
    for configuration in configurations(NAME) {
        let webhook = stored(&plane, ELSEWHERE, &configuration).await?;
        for (what, refused, neighbour) in writes(&webhook) {
            // When its account writes something else than warden does, then the API server refuses it, from when it has the policy on
            eventually("the policy is in force", LONG, async || {
                let output = refused.make(&plane).await.map_err(|error| error.to_string())?;
                let is_refused = !output.success && output.stderr.contains(BY_THE_POLICY);
                if is_refused { Ok(()) } else { Err(format!("{what}: {output:?}")) }
            })
            .await?;
            // And admits the neighbour, which warden makes
            let is_gone = matches!(neighbour, Delete(_)) && configuration != configurations(NAME)[0];
            let output = neighbour.make(&plane).await?;
            ensure!(output.success || is_gone, "beside {what}: {output:?}");
            println!("refused: {what}");
        }
    }
    // And another account is not asked
    plane.kubectl(&["-n", ELSEWHERE, "set", "image", "deployment/web", "web=better"]).await?.expect_success()?;
    Ok(())
}

#[test]
fn the_policy_is_about_everything_that_roles_let_it_write() -> Result<()> {
    // Given what the roles allow beside reading
    let written = Roles::shipped()?.written();
    // And what the policy is about
    let rendered = objects(&render(NAME, NAME, &[])?)?;
    let policy = rendered.iter().find(|object| object["kind"] == "ValidatingAdmissionPolicy").context("no policy")?;
    let rules = policy["spec"]["matchConstraints"]["resourceRules"].as_array().context("no rules")?;
    let resources = rules.iter().flat_map(|rule| rule["resources"].as_array().into_iter().flatten());
    let restricted: BTreeSet<&str> = resources.filter_map(Value::as_str).collect();
    // Then a resource that can be written is restricted, or is one of those that are known not to be
    for resource in written {
        let subresources = resource.split_once('/').map(|(kind, _)| format!("{kind}/*"));
        let is_restricted = restricted.contains(resource.as_str())
            || subresources.is_some_and(|subresources| restricted.contains(subresources.as_str()));
        ensure!(is_restricted || WITHOUT_A_POLICY.contains(&resource.as_str()), "{resource} is written");
    }
    Ok(())
}

#[test]
fn each_controller_has_an_entry_and_no_other_has() -> Result<()> {
    let entries = |args: &[&str]| -> Result<Vec<String>> {
        let rendered = objects(&render(NAME, NAME, args)?)?;
        let policy = rendered.iter().find(|object| object["kind"] == "ValidatingAdmissionPolicy");
        let expression = policy.map(|policy| policy["spec"]["validations"][0]["expression"].clone());
        let expression = expression.unwrap_or_default();
        let entries = expression.as_str().unwrap_or_default().split(" || ").map(str::to_owned);
        Ok(entries.filter(|entry| !entry.is_empty()).collect())
    };
    let (peer, certificates) = (["variables.peer", "variables.identity"], ["variables.certificates"]);
    assert_eq!(entries(&[])?, [&peer[..], &certificates].concat());
    assert_eq!(entries(&["--set", "controllers={none}"])?, certificates);
    assert_eq!(entries(&["--set", "certificates.mode=certManager"])?, peer);
    // One that writes nothing needs none, and it can be switched off
    assert!(entries(&["--set", "certificates.mode=certManager,controllers={none}"])?.is_empty());
    assert!(entries(&["--set", "admissionPolicy.enabled=false"])?.is_empty());
    Ok(())
}

#[test]
fn an_api_server_that_does_not_know_policies_gets_none() -> Result<()> {
    let output = Command::new(helm_program()?).args(["template", NAME, &chart(), "--namespace", NAME]).output()?;
    let rendered = String::from_utf8(output.stdout)?;
    ensure!(output.status.success() && rendered.contains("ClusterRole"), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(!rendered.contains("ValidatingAdmissionPolicy"));
    Ok(())
}
