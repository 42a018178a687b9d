//! What the admission policy lets warden's account change of the objects that RBAC lets it write.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use warden_testbed::{Base, ControlPlane, eventually, helm_program};

use super::super::{NAME, chart, configurations, objects, plane, render, stored};
use super::grant::Roles;
use crate::manifests::Module;
use crate::scene::LONG;

/// The namespace of the objects that are not warden's.
const ELSEWHERE: &str = "default";
/// A refusal by the policy, and not by RBAC.
const BY_THE_POLICY: &str = "no controller of warden's makes this";

/// What makes a Pod a module.
const COMPONENT: &str = "virtual-kubelet.koupleless.io/component";

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

/// Of the next write.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl Write {
    async fn make(&self, plane: &ControlPlane) -> Result<warden_testbed::KubectlOutput> {
        let account = format!("--as=system:serviceaccount:{NAME}:{NAME}");
        match self {
            Apply(fields) => {
                // A manager that applies fewer fields than before would remove the others.
                let manager = format!("--field-manager=warden-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                let apply =
                    [&account, "-n", ELSEWHERE, "apply", "--server-side", "--force-conflicts", &manager, "-f", "-"];
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

/// What is written, a write of it that the policy refuses, and its neighbour that warden makes.
type Case = (&'static str, Write, Write);

fn writes_of_a_deployment() -> Vec<Case> {
    const SCALE: &str = "/apis/apps/v1/namespaces/default/deployments/web/scale";
    let of = |metadata: Value, spec: Value| Apply(deployment(metadata, spec));
    let template = |spec: Value| of(json!({}), json!({"template": {"spec": spec}}));
    let annotated = || of(json!({"annotations": {"state.warden.koupleless.io/peer": "{}"}}), Value::Null);
    vec![
        ("an image", template(containers("evil")), annotated()),
        ("a service account", template(json!({"serviceAccountName": "admin"})), annotated()),
        ("a pause", of(json!({}), json!({"paused": true})), annotated()),
        ("replicas beside the scale", of(json!({}), json!({"replicas": 5})), Replace(SCALE, scale(2))),
        ("a label", of(json!({"labels": {"a": "b"}}), Value::Null), annotated()),
        (
            "an annotation of others",
            of(json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}), Value::Null),
            annotated(),
        ),
        ("a finalizer", of(json!({"finalizers": ["example.com/stay"]}), Value::Null), annotated()),
    ]
}

fn writes_of_a_pod() -> Vec<Case> {
    let annotated =
        || of_pod(json!({"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "1"}}}));
    let labels = |labels: Value| {
        let metadata = json!({"name": "module", "labels": labels});
        Apply(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}))
    };
    let labelled = || labels(json!({"module.warden.koupleless.io/a": "1"}));
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "none"});
    let identity = json!({"module.warden.koupleless.io/a": "1"});
    let both = json!({"annotations": {"a": "c"}, "labels": {"module.warden.koupleless.io/a": "2"}});
    // As the API server filled them in: they cannot be taken away.
    let filled_in = |condition: &str| {
        let key = format!("node.kubernetes.io/{condition}");
        json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    };
    let tolerations = json!([filled_in("not-ready"), filled_in("unreachable"), {"key": "a", "operator": "Exists"}]);
    vec![
        ("an image", of_pod(json!({"spec": {"containers": [{"name": "web", "image": "evil"}]}})), annotated()),
        ("a toleration", of_pod(json!({"spec": {"tolerations": tolerations}})), annotated()),
        ("an owner", of_pod(json!({"metadata": {"ownerReferences": [owner]}})), labelled()),
        ("what makes a Pod a module", of_pod(json!({"metadata": {"labels": {COMPONENT: "module"}}})), labelled()),
        ("what the API server would ask warden about", of_pod(json!({"metadata": {"labels": identity}})), labelled()),
        ("a label of another sort on a module", labels(json!({"app": "a"})), labelled()),
        ("what keeps a module a module", labels(json!({COMPONENT: "no-module"})), labelled()),
        ("an annotation of others", of_pod(json!({"metadata": {"annotations": {"a": "b"}}})), annotated()),
        ("labels and annotations in one", of_pod(json!({"metadata": both})), labelled()),
        (
            "the deletion of what is no module",
            Delete("/api/v1/namespaces/default/pods/web"),
            Delete("/api/v1/namespaces/default/pods/module"),
        ),
    ]
}

fn writes_of_a_configuration(stored: &Value) -> Vec<Case> {
    let first = &stored["webhooks"][0];
    let of = |metadata: Value, fields: Value| {
        let mut object = json!({"apiVersion": stored["apiVersion"], "kind": stored["kind"], "metadata": metadata});
        object["metadata"]["name"] = json!(NAME);
        object["webhooks"] = json!([{"name": first["name"]}]);
        if let (Value::Object(webhook), Value::Object(fields)) = (&mut object["webhooks"][0], fields) {
            webhook.extend(fields);
        }
        Apply(object)
    };
    let field = |fields: Value| of(json!({}), fields);
    let bundle = || field(json!({"clientConfig": {"caBundle": "YQ=="}}));
    let all = json!({"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]});
    let mut another = first.clone();
    another["name"] = json!("another.warden.koupleless.io");
    vec![
        ("a failure policy", field(json!({"failurePolicy": "Fail"})), bundle()),
        ("a timeout", field(json!({"timeoutSeconds": 30})), bundle()),
        ("the rules", field(json!({"rules": [all]})), bundle()),
        (
            "the Service",
            field(json!({"clientConfig": {"service": {"namespace": "default", "name": "evil"}}})),
            bundle(),
        ),
        ("an annotation", of(json!({"annotations": {"a": "b"}}), json!({})), bundle()),
        ("one webhook more", field(another), bundle()),
    ]
}

/// Waits until the API server has read the policy.
async fn is_in_force(plane: &ControlPlane) -> Result<()> {
    let paused = deployment(json!({}), json!({"paused": true})).to_string();
    let account = format!("--as=system:serviceaccount:{NAME}:{NAME}");
    let try_it = ["apply", "--server-side", "--field-manager=warden", "--dry-run=server", "-f", "-"];
    eventually("the policy is in force", LONG, async || {
        let args = [&[account.as_str(), "-n", ELSEWHERE], &try_it[..]].concat();
        let output = plane.kubectl_with_stdin(&args, &paused).await.map_err(|error| error.to_string())?;
        if output.stderr.contains(BY_THE_POLICY) { Ok(()) } else { Err(format!("{output:?}")) }
    })
    .await
}

#[tokio::test]
async fn its_account_changes_only_the_fields_that_warden_writes() -> Result<()> {
    // Given warden installed as it comes, beside a Deployment and Pods, of which one is a module. warden does not run, so its webhooks
    // are passed over.
    let plane = plane().await?;
    let spec = json!({
        "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": containers("good")},
    });
    let mut unlabelled = containers("https://repo.example.com/web-1.0.0-ark-biz.jar");
    unlabelled["containers"][0]["env"] = json!([{"name": "BIZ_VERSION", "value": "1.0.0"}]);
    let unlabelled = pod("unlabelled", &json!({COMPONENT: "module"}), unlabelled);
    let items = [
        deployment(json!({}), spec),
        pod("web", &json!({"app": "other"}), containers("good")),
        pod("module", &json!({COMPONENT: "module"}), containers("https://repo.example.com/a-1.0.0-ark-biz.jar")),
        unlabelled,
    ];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    plane.kubectl_with_stdin(&["create", "-n", ELSEWHERE, "-f", "-"], &list).await?.expect_success()?;
    let passed_over = "webhooks.failurePolicy=Ignore,webhooks.timeoutSeconds=3,config.peer.departure=1";
    plane.helm(&["install", NAME, &chart(), "--namespace", NAME, "--create-namespace", "--set", passed_over]).await?;
    let mut all = vec![("Deployment", writes_of_a_deployment()), ("Pod", writes_of_a_pod())];
    for configuration in configurations(NAME) {
        let stored = stored(&plane, ELSEWHERE, &configuration).await?;
        all.push(("webhook configuration", writes_of_a_configuration(&stored)));
    }
    is_in_force(&plane).await?;
    for (kind, writes) in all {
        for (what, refused, neighbour) in writes {
            // When its account writes something else than warden does, then the API server refuses it
            let output = refused.make(&plane).await?;
            let is_refused = !output.success && output.stderr.contains(BY_THE_POLICY);
            ensure!(is_refused, "{kind}, {what}: {output:?}");
            // And admits the neighbour, which warden makes
            let output = neighbour.make(&plane).await?;
            ensure!(output.success, "{kind}, beside {what}: {output:?}");
            println!("{kind}: {what} is refused, and the neighbour is not");
        }
    }
    // And another account is not restricted
    plane.kubectl(&["-n", ELSEWHERE, "set", "image", "deployment/web", "web=better"]).await?.expect_success()?;
    // And warden itself writes all that its controllers have to
    no_write_is_refused(&plane).await
}

/// Starts warden as its account, and gives each controller something to write.
async fn no_write_is_refused(plane: &ControlPlane) -> Result<()> {
    // Given a running warden, which has mended caBundle, and two bases with a peer Deployment's module
    plane.lead_service_to(NAME, NAME, plane.webhook_address()).await?;
    let program = Path::new(env!("CARGO_BIN_EXE_warden"));
    let warden = plane.run_replica(program, NAME, NAME, plane.webhook_address()).await?;
    plane.webhooks_in_effect(ELSEWHERE).await?;
    let staying = plane.add_base(Base::new("10.0.0.1")).await?;
    let leaving = plane.add_base(Base::new("10.0.0.2")).await?;
    let mut peer = Module::new("orders", "1.0.0", "base").deployment(0);
    peer["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    plane.kubectl_with_stdin(&["-n", ELSEWHERE, "apply", "-f", "-"], &peer.to_string()).await?.expect_success()?;
    for node in [&staying, &leaving] {
        plane.ledger().wait_until_runs(node, &[("orders", "1.0.0")], LONG).await?;
    }
    // When a base departs
    Api::<Node>::all(plane.client()?).delete(&leaving, &DeleteParams::default()).await?;
    // Then replicas, state and identity labels are written
    let objects = plane.objects(ELSEWHERE)?;
    eventually("the departure is followed, and the Pod from before has its label", LONG, async || {
        let deployment = objects.get("deployment/orders").await.map_err(|error| error.to_string())?;
        let pod = objects.get("pod/unlabelled").await.map_err(|error| error.to_string())?;
        let state = &deployment["metadata"]["annotations"]["state.warden.koupleless.io/peer"];
        let label = &pod["metadata"]["labels"]["module.warden.koupleless.io/web"];
        let is_done = deployment["spec"]["replicas"] == 1 && state.is_string() && label == "1.0.0";
        if is_done { Ok(()) } else { Err(format!("{deployment} {pod}")) }
    })
    .await
    .with_context(|| warden.process().log_tail())?;
    // And the API server has refused none of it
    let metrics = warden.metrics().await?;
    let writes = metrics.lines().filter(|line| line.starts_with("warden_writes_total{"));
    let refused: Vec<&str> =
        writes.filter(|line| line.contains("outcome=\"refused\"") && !line.ends_with(" 0")).collect();
    ensure!(refused.is_empty(), "{refused:?}");
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
