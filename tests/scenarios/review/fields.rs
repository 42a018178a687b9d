//! Whether `review` refuses the fields that the API server refuses: unknown ones, others' types, and missing ones.
//!
//! The objects are in kube-system, about which the API server does not ask warden: it judges alone.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::review;
use super::schema::{Types, shipped};
use crate::scene::shared;

/// A module with all types of which fields are required.
fn template() -> Value {
    let selector = json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["other"]}]});
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector});
    json!({
        "metadata": {
            "labels": {"app": "biz1", "virtual-kubelet.koupleless.io/component": "module"},
            "annotations": {"base.koupleless.io/version": "1.0.0"},
        },
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "hostNetwork": false,
            "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector},
            ],
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "base.koupleless.io/name", "operator": "In", "values": ["base"]}]},
                ]}},
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]},
            },
            "volumes": [{"name": "data", "emptyDir": {}}],
            "containers": [{
                "name": "biz1",
                "image": "https://repo.example.com/biz1-1.0.0-ark-biz.jar",
                "ports": [{"containerPort": 8080}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "env": [
                    {"name": "BIZ_VERSION", "value": "1.0.0"},
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "a"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "a", "key": "a"}}},
                    {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                ],
            }],
        },
    })
}

/// The same template in each kind of Kubernetes.
fn objects() -> Vec<Value> {
    let object = |api_version: &str, kind: &str, spec: Value| {
        let metadata = json!({"name": "biz1", "namespace": "kube-system", "labels": {"app": "biz1"}});
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
    };
    let template = template();
    let selected = json!({"selector": {"matchLabels": {"app": "biz1"}}, "template": template});
    let mut of_job = template.clone();
    of_job["spec"]["restartPolicy"] = json!("Never");
    let mut pod = object("v1", "Pod", template["spec"].clone());
    for field in ["labels", "annotations"] {
        pod["metadata"][field] = template["metadata"][field].clone();
    }
    vec![
        object("apps/v1", "Deployment", selected.clone()),
        object("apps/v1", "StatefulSet", selected.clone()),
        object("apps/v1", "DaemonSet", selected.clone()),
        object("apps/v1", "ReplicaSet", selected),
        object("v1", "ReplicationController", json!({"selector": {"app": "biz1"}, "template": template})),
        object("batch/v1", "Job", json!({"template": of_job})),
        object("batch/v1", "CronJob", json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": of_job}}})),
        pod,
    ]
}

/// An object with one mistake, and what it is.
struct Mistake {
    what: String,
    object: Value,
    /// What it comes to offline. Without the component label it is no module, about which `review` says nothing.
    offline: &'static str,
}

const COMPONENT: &str = "virtual-kubelet.koupleless.io/component";

/// Makes one mistake at a time in each field of an object.
struct Mistakes<'t> {
    types: &'t Types,
    object: &'t Value,
    made: Vec<Mistake>,
    /// The required fields that were left out, by type.
    left_out: BTreeSet<(String, String)>,
}

impl Mistakes<'_> {
    fn make(&mut self, what: String, pointer: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.object.clone();
        if let Some(value) = object.pointer_mut(pointer) {
            change(value);
            let offline = if object.to_string().contains(COMPONENT) { "refused" } else { "no module" };
            self.made.push(Mistake { what: format!("{} {what} at {pointer}", self.object["kind"]), object, offline });
        }
    }

    fn walk(&mut self, type_name: &str, value: &Value, pointer: &str) {
        // What says which object it is stays.
        let is_identity = ["", "/apiVersion", "/kind", "/metadata", "/metadata/namespace"].contains(&pointer);
        if !is_identity && !pointer.contains("component") {
            let other = if value.is_string() { json!(7) } else { json!("text") };
            // An integer or a string, and a quantity, may be either.
            if !["int-or-string", "quantity"].contains(&type_name) {
                self.make(format!("{other} for {type_name}"), pointer, |value| *value = other.clone());
            }
        }
        if let Some(of) = type_name.strip_prefix("[]") {
            for (position, item) in value.as_array().into_iter().flatten().enumerate() {
                self.walk(of, item, &format!("{pointer}/{position}"));
            }
        } else if let Some(of) = type_name.strip_prefix("map[string]") {
            for (key, item) in value.as_object().into_iter().flatten() {
                self.walk(of, item, &format!("{pointer}/{}", key.replace('/', "~1")));
            }
        } else if let Some(kind) = self.types.get(type_name) {
            self.make("unknown field".to_owned(), pointer, |value| value["unknownField"] = json!(1));
            for field in &kind.required {
                self.left_out.insert((type_name.to_owned(), field.clone()));
                self.make(format!("{field} left out of {type_name}"), pointer, |value| {
                    value.as_object_mut().unwrap().remove(field);
                });
            }
            for (field, item) in value.as_object().into_iter().flatten() {
                if let Some(of) = kind.fields.get(field) {
                    self.walk(of, item, &format!("{pointer}/{field}"));
                }
            }
        }
    }
}

/// The verdicts of a review of `objects`, in their order.
fn verdicts(objects: &[Value], arguments: &[&str], kubeconfig: &Path) -> Result<Vec<&'static str>> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let run = review(&list.to_string(), &[&["-o", "table"], arguments].concat(), kubeconfig)?;
    ensure!(run.code.is_some_and(|code| code < 2), "{}", run.stderr);
    let rows: Vec<String> = run.stdout.lines().skip(1).map(str::to_owned).collect();
    ensure!(rows.len() == objects.len(), "{} rows for {} objects", rows.len(), objects.len());
    let verdict = |row: &String| {
        let known = ["admitted", "refused", "no module"].into_iter().find(|verdict| row.contains(verdict));
        known.with_context(|| row.clone())
    };
    rows.iter().map(verdict).collect()
}

#[tokio::test]
async fn the_api_server_refuses_the_fields_that_review_refuses() -> Result<()> {
    let plane = &shared().await?.plane;
    let types = shipped()?;
    let objects = objects();
    // Given objects that both admit
    for arguments in [&[][..], &["--server"]] {
        let verdicts = verdicts(&objects, arguments, plane.kubeconfig())?;
        ensure!(verdicts.iter().all(|verdict| *verdict == "admitted"), "{arguments:?}: {verdicts:?}");
    }
    // When each of their fields is unknown, of another type, or missing
    let (mut mistakes, mut left_out) = (Vec::new(), BTreeSet::new());
    for object in &objects {
        let mut of_object = Mistakes { types: &types, object, made: Vec::new(), left_out: BTreeSet::new() };
        of_object.walk(object["kind"].as_str().unwrap_or_default(), object, "");
        mistakes.extend(of_object.made);
        left_out.extend(of_object.left_out);
    }
    let broken: Vec<Value> = mistakes.iter().map(|mistake| mistake.object.clone()).collect();
    let offline = verdicts(&broken, &[], plane.kubeconfig())?;
    let asked = verdicts(&broken, &["--server"], plane.kubeconfig())?;
    // Then both refuse each of them
    for (mistake, (offline, asked)) in mistakes.iter().zip(offline.iter().zip(&asked)) {
        ensure!(*offline == mistake.offline, "offline {offline}: {}", mistake.what);
        ensure!(*asked == "refused", "the API server says {asked}: {}", mistake.what);
    }
    // And no required field of the schema was left out of this
    let required: BTreeSet<(String, String)> =
        types.iter().flat_map(|(name, kind)| kind.required.iter().map(|field| (name.clone(), field.clone()))).collect();
    ensure!(required == left_out, "{:?} were not tried", required.difference(&left_out));
    ensure!(mistakes.len() > 300, "only {} mistakes", mistakes.len());
    Ok(())
}

/// The rules that no schema has.
#[tokio::test]
async fn the_api_server_refuses_what_the_rules_of_review_refuse() -> Result<()> {
    let plane = &shared().await?.plane;
    let objects = objects();
    let of_kind = |kind: &str| objects.iter().find(|object| object["kind"] == kind).cloned().unwrap_or_default();
    let with = |kind: &str, pointer: &str, value: Value| {
        let mut object = of_kind(kind);
        *object.pointer_mut(pointer).unwrap() = value;
        object
    };
    let image = json!("https://repo.example.com/biz1-1.0.0-ark-biz.jar\n");
    let mut nameless = of_kind("Deployment");
    nameless["metadata"].as_object_mut().unwrap().remove("name");
    // Given objects that break one rule each
    let broken = vec![
        with("Deployment", "/spec/template/spec/containers/0/name", json!("orderService")),
        with("Deployment", "/spec/selector/matchLabels", json!({"app": "other"})),
        with("StatefulSet", "/spec/selector/matchLabels", json!({})),
        with("DaemonSet", "/spec/selector", json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})),
        with("ReplicationController", "/spec/selector", json!({"app": "other"})),
        with("Deployment", "/metadata/name", json!("Biz1")),
        with("Deployment", "/apiVersion", json!("apps/v1beta2")),
        with("Pod", "/spec/containers/0/image", image.clone()),
        nameless,
    ];
    // When both are asked, then both refuse them
    for arguments in [&[][..], &["--server"]] {
        let verdicts = verdicts(&broken, arguments, plane.kubeconfig())?;
        ensure!(verdicts.iter().all(|verdict| *verdict == "refused"), "{arguments:?}: {verdicts:?}");
    }
    // And of a workload with a blank behind its image, the API server would refuse only the Pods: warden alone refuses it
    let workload = with("Deployment", "/spec/template/spec/containers/0/image", image);
    let run =
        review(&workload.to_string(), &["--server"], plane.kubeconfig())?.says(1, &["begins or ends with a blank"])?;
    ensure!(!run.stderr.contains("the API server refuses it"), "{run:?}");
    Ok(())
}

#[tokio::test]
async fn the_api_server_takes_names_that_are_as_long_as_review_takes_them() -> Result<()> {
    let plane = &shared().await?.plane;
    // Given modules of all kinds, with names on both sides of each limit, and such as have several parts
    let names = [52, 53, 63, 64, 70, 253, 254].map(|length| "a".repeat(length)).into_iter();
    let names: Vec<String> = names.chain(["a.b".to_owned(), format!("{}.b", "a".repeat(70))]).collect();
    let named = |object: &Value, name: &String| {
        let mut object = object.clone();
        object["metadata"]["name"] = json!(name);
        object
    };
    let objects = objects();
    let all: Vec<Value> = objects.iter().flat_map(|object| names.iter().map(|name| named(object, name))).collect();
    // When both are asked
    let offline = verdicts(&all, &[], plane.kubeconfig())?;
    let asked = verdicts(&all, &["--server"], plane.kubeconfig())?;
    // Then they agree
    let differ = all.iter().zip(offline.iter().zip(&asked)).filter(|(_, (offline, asked))| offline != asked);
    let differ: Vec<String> = differ
        .map(|(object, (offline, asked))| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            format!("{} {name} ({}): offline {offline}, asked {asked}", object["kind"], name.len())
        })
        .collect();
    ensure!(differ.is_empty(), "{}", differ.join("\n"));
    Ok(())
}
