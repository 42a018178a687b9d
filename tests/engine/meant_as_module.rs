//! Manifests that look like modules but are not: what they are taken for, and that the remedy makes them modules.

use koupleless_warden::module::Kind;
use koupleless_warden::policy::{Policy, Severity, Warning};
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    BASE_NAME, BASE_VERSION, COMPONENT, COMPONENT_OLDER, Cluster, REQUIRED, create, deployment, edited, module, pod,
    template_in, template_of, update,
};

type Edit = fn(&mut Value);

fn unlabelled(d: &mut Value) {
    template_of(d)["metadata"]["labels"] = json!({"app": "orders"});
}

fn labelled(d: &mut Value) {
    template_of(d)["metadata"]["labels"][COMPONENT] = json!("module");
}

/// As the first design of ModuleController V2 had it.
fn first_dialect(d: &mut Value) {
    let template = template_of(d);
    template["metadata"] = json!({"labels": {"module.koupleless.io/biz1": "1.0.0"}});
    template["spec"]["containers"][0]["env"][0]["name"] = json!("MODULE_VERSION");
    template["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = json!([{"matchExpressions": [
        {"key": "basement.koupleless.io/version", "operator": "In", "values": ["1.0.0"]},
    ]}]);
}

fn first_dialect_mended(d: &mut Value) {
    let template = template_of(d);
    template["metadata"]["labels"] = json!({COMPONENT: "module"});
    template["spec"]["containers"][0]["env"][0]["name"] = json!("BIZ_VERSION");
    template["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = json!([{"matchExpressions": [
        {"key": BASE_NAME, "operator": "In", "values": ["base"]},
        {"key": BASE_VERSION, "operator": "In", "values": ["1.0.0"]},
    ]}]);
}

#[rstest]
#[case::no_label(
    unlabelled,
    &["taken for a module: the template lacks label virtual-kubelet.koupleless.io/component: module"],
    labelled,
)]
#[case::label_on_the_workload(
    |d: &mut Value| {
        unlabelled(d);
        d["metadata"]["labels"] = json!({COMPONENT: "module"});
    },
    &["taken for a module: virtual-kubelet.koupleless.io/component must be on the template, not on the Deployment"],
    labelled,
)]
#[case::older_label_on_the_workload_of_no_jar(
    |d: &mut Value| {
        unlabelled(d);
        d["metadata"]["labels"] = json!({COMPONENT_OLDER: "module"});
        template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/biz1");
    },
    &["taken for a module: virtual-kubelet.koupleless.io/component must be on the template, not on the Deployment"],
    |d: &mut Value| {
        labelled(d);
        d["metadata"]["labels"] = Value::Null;
        template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/biz1.jar");
    },
)]
#[case::misspelt_key(
    |d: &mut Value| template_of(d)["metadata"]["labels"] = json!({"virtual-kubelet.kouplelss.io/componet": "module"}),
    &["taken for a module: rename label virtual-kubelet.kouplelss.io/componet to virtual-kubelet.koupleless.io/component"],
    labelled,
)]
#[case::misspelt_value(
    |d: &mut Value| template_of(d)["metadata"]["labels"] = json!({COMPONENT: "Module"}),
    &["taken for a module: set label virtual-kubelet.koupleless.io/component: module on the template"],
    labelled,
)]
#[case::value_of_a_deployment(
    |d: &mut Value| template_of(d)["metadata"]["labels"] = json!({COMPONENT: "module-deployment"}),
    &["taken for a module: set label virtual-kubelet.koupleless.io/component: module on the template"],
    labelled,
)]
#[case::misspelt_key_on_the_workload(
    |d: &mut Value| {
        unlabelled(d);
        d["metadata"]["labels"] = json!({"virtual-kubelet.kouplelss.io/componet": "module"});
    },
    &["taken for a module: set label virtual-kubelet.koupleless.io/component: module on the template"],
    labelled,
)]
#[case::misspelt_value_on_the_workload(
    |d: &mut Value| {
        unlabelled(d);
        d["metadata"]["labels"] = json!({COMPONENT: "Module"});
    },
    &["taken for a module: set label virtual-kubelet.koupleless.io/component: module on the template"],
    labelled,
)]
#[case::first_dialect(
    first_dialect,
    &[
        "taken for a module: the template lacks label virtual-kubelet.koupleless.io/component: module",
        "taken for a module: rename MODULE_VERSION to BIZ_VERSION",
        "taken for a module: remove label module.koupleless.io/biz1, which no release reads",
        "taken for a module: select bases by base.koupleless.io/name and version, not by basement.koupleless.io/version",
    ],
    first_dialect_mended,
)]
fn it_is_told_and_the_remedy_makes_it_a_module(#[case] given: Edit, #[case] told: &[&str], #[case] remedy: Edit) {
    // Given what looks like a module, when it is created or changed, then it is admitted as it is, and told
    let object = deployment(given);
    for reviewed in
        [create(Kind::Deployment, &object), update(&object, &edited(object.clone(), |d| d["a"] = json!("b")))]
    {
        assert_eq!(reviewed.warned(), told);
        assert_eq!((reviewed.refused(), reviewed.patched()), (vec![], vec![]));
    }
    // When what looks like a module is to be refused, then it is, for the same reasons
    let strict = Cluster::plain().rule("meant-as-module", Severity::Deny).create(Kind::Deployment, &object);
    assert_eq!((strict.refused().len(), strict.warned().len()), (told.len(), 0), "{:?}", strict.refused());
    // When the remedy is applied, then it is a module to which nothing is said
    let mended = create(Kind::Deployment, &edited(object, remedy));
    assert_eq!((mended.refused(), mended.warned()), (vec![], vec![]));
    assert!(!mended.patched().is_empty());
}

#[test]
fn a_bare_pod_and_every_other_kind_is_told_too() {
    let bare = pod(|p| p["metadata"]["labels"] = json!({}));
    let told = create(Kind::Pod, &bare);
    assert_eq!(
        told.warned(),
        ["taken for a module: the Pod lacks label virtual-kubelet.koupleless.io/component: module"]
    );
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Pod) {
        let object = edited(module(kind), |object| template_in(kind, object)["metadata"]["labels"] = json!({}));
        assert!(create(kind, &object).warns_of("the template lacks label"), "{kind}");
        let on_itself = edited(object, |object| object["metadata"]["labels"] = json!({COMPONENT: "module"}));
        let warned = create(kind, &on_itself);
        assert!(warned.warns_of(&format!("not on the {kind}")), "{kind}: {:?}", warned.warned());
        assert!(warned.warned().iter().all(|warning| warning.len() <= Warning::LIMIT), "{:?}", warned.warned());
    }
}

#[rstest]
#[case::web_server(|d: &mut Value| {
    unlabelled(d);
    template_of(d)["spec"]["containers"] = json!([{"name": "web", "image": "nginx"}]);
})]
#[case::component_of_another_kind(|d: &mut Value| {
    template_of(d)["metadata"]["labels"] = json!({"app.kubernetes.io/component": "module"});
    template_of(d)["spec"]["containers"] = json!([{"name": "web", "image": "nginx"}]);
})]
#[case::module_controller_itself(|d: &mut Value| {
    template_of(d)["metadata"]["labels"] = json!({COMPONENT: "module-controller-of-this-cluster"});
    template_of(d)["metadata"]["labels"] = json!({"app": "module-controller"});
    template_of(d)["spec"]["containers"] = json!([{"name": "controller", "image": "module-controller:2.2.0"}]);
})]
#[case::a_jar_of_another_tool(|d: &mut Value| {
    unlabelled(d);
    template_of(d)["spec"]["containers"] = json!([{"name": "spark", "image": "https://x/a.jar"}]);
})]
#[case::a_variable_of_another_tool(|d: &mut Value| {
    unlabelled(d);
    template_of(d)["spec"]["containers"] = json!([{"name": "tf", "image": "tf:1", "env": [{"name": "MODULE_VERSION", "value": "1"}]}]);
})]
#[case::of_an_operator(|d: &mut Value| {
    unlabelled(d);
    d["metadata"]["ownerReferences"] = json!([{"kind": "App", "name": "a", "controller": true}]);
})]
fn nothing_is_said_to_what_is_not_meant_as_one(#[case] edit: Edit) {
    let object = deployment(edit);
    let reviewed = create(Kind::Deployment, &object);
    assert_eq!((reviewed.warned(), reviewed.refused(), reviewed.patched()), (vec![], vec![], vec![]), "{object}");
}

#[rstest]
#[case::of_v1("koupleless.io/v1alpha1", "ModuleDeployment", "write a Deployment instead of this ModuleDeployment")]
#[case::before_it_was_renamed(
    "serverless.alipay.com/v1alpha1",
    "ModuleDeployment",
    "ModuleController V1, which V2 does not read"
)]
#[case::of_the_english_docs("koupleless.alipay.com/v1alpha1", "Module", "ModuleController V1")]
#[case::another_kind("koupleless.io/v1alpha1", "Base", "")]
#[case::another_group("example.com/v1", "ModuleDeployment", "")]
#[case::gone(
    "extensions/v1beta1",
    "Deployment",
    "Kubernetes has not served extensions/v1beta1 since 1.16: write apiVersion: apps/v1"
)]
#[case::gone_and_of_another_kind("extensions/v1beta1", "Ingress", "")]
fn other_kinds_are_told_where_they_are_meant_as_modules(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] told: &str,
) {
    let object = deployment(|d| {
        d["apiVersion"] = json!(api_version);
        d["kind"] = json!(kind);
    });
    let verdict = Policy::default().check_other_kind(&object);
    let warned: Vec<_> = verdict.warnings.iter().map(Warning::text).collect();
    assert_eq!((warned.len(), verdict.admits()), (usize::from(!told.is_empty()), true), "{warned:?}");
    assert!(warned.iter().all(|warning| warning.contains(told) && warning.len() <= Warning::LIMIT), "{warned:?}");
}

#[test]
fn the_remedy_of_a_module_deployment_is_a_deployment_with_its_values() {
    let object = json!({
        "apiVersion": "koupleless.io/v1alpha1", "kind": "ModuleDeployment", "metadata": {"name": "p"},
        "spec": {"replicas": -1, "template": {"spec": {"module": {
            "name": "provider", "version": "1.0.2", "url": "http://x/provider-1.0.2-ark-biz.jar",
        }}}},
    });
    let verdict = Policy::default().strict().check_other_kind(&object);
    let [violation] = verdict.violations.as_slice() else { panic!("{verdict:?}") };
    let parts = ["provider", "http://x/provider-1.0.2-ark-biz.jar", "BIZ_VERSION \"1.0.2\"", "strategy: peer"];
    assert!(parts.iter().all(|part| violation.remedy.contains(part)), "{}", violation.remedy);
}

#[test]
fn a_deployment_of_a_gone_api_that_is_no_module_is_not_told() {
    let object = deployment(|d| {
        unlabelled(d);
        d["apiVersion"] = json!("extensions/v1beta1");
        template_of(d)["spec"]["containers"] = json!([{"name": "web", "image": "nginx"}]);
    });
    assert_eq!(Policy::default().check_other_kind(&object).warnings, []);
}
