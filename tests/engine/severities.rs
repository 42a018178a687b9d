//! Rules that are more or less severe than by default.

use koupleless_warden::module::Kind;
use koupleless_warden::policy::{Rule, Severity, Warning};
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    BASE_VERSION, COMPONENT_OLDER, Cluster, NAME, REQUIRED, STRATEGY, VERSION, deployment, edited, pod, stored,
    template_of,
};

fn with(rule: &str, severity: Severity) -> Cluster {
    Cluster::plain().rule(rule, severity)
}

fn container(deployment: &mut Value) -> &mut Value {
    &mut template_of(deployment)["spec"]["containers"][0]
}

#[rstest]
#[case("older-dialect", |d: &mut Value| template_of(d)["metadata"]["labels"][COMPONENT_OLDER] = json!("module"), "spec.template.metadata.labels[module-controller.koupleless.io/component]")]
#[case("topology-spread", |d: &mut Value| template_of(d)["spec"]["topologySpreadConstraints"] = json!([{"topologyKey": "kubernetes.io/hostname"}, {"topologyKey": "zone"}]), "spec.template.spec.topologySpreadConstraints[1].topologyKey")]
#[case("topology-spread", |d: &mut Value| template_of(d)["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] = json!([{"podAffinityTerm": {"topologyKey": "zone"}}]), "spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey")]
#[case("dead-labels", |d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"kubernetes.io/arch": "amd64"}), "spec.template.spec.nodeSelector[kubernetes.io/arch]")]
#[case("dead-labels", |d: &mut Value| template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = json!([{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "Exists"}]}]), "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]")]
#[case("sidecars", |d: &mut Value| template_of(d)["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "proxy", "image": "envoy"})), "spec.template.spec.containers[1].image")]
#[case("resources", |d: &mut Value| container(d)["resources"] = json!({"limits": {"cpu": 1}}), "spec.template.spec.containers[0].resources")]
#[case("toleration-seconds", |d: &mut Value| template_of(d)["spec"]["tolerations"] = json!([{"key": "dedicated", "operator": "Exists"}, {"key": "schedule.koupleless.io/node-env", "operator": "Exists", "tolerationSeconds": 1}]), "spec.template.spec.tolerations[1].tolerationSeconds")]
#[case("jar-file-name", |d: &mut Value| container(d)["image"] = json!("https://repo.example.com/other-1.0.0.jar"), "spec.template.spec.containers[0].name")]
#[case("version-in-selector", |d: &mut Value| d["spec"]["selector"] = json!({"matchLabels": {VERSION: "1.0.0"}}), "spec.selector")]
#[case("unknown-annotations", |d: &mut Value| d["metadata"]["annotations"]["base.koupleless.io/nam"] = json!("base"), "metadata.annotations[base.koupleless.io/nam]")]
#[case("unknown-annotations", |d: &mut Value| d["metadata"]["annotations"]["warden.koupleless.io/injekt"] = json!("1"), "metadata.annotations[warden.koupleless.io/injekt]")]
#[case("misplaced-annotations", |d: &mut Value| d["metadata"]["annotations"]["warden.koupleless.io/peer-paused"] = json!("true"), "metadata.annotations[warden.koupleless.io/peer-paused]")]
#[case("overruled-declarations", |d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({BASE_VERSION: "2.0.0"}), "spec.template.metadata.annotations[base.koupleless.io/version]")]
#[case("unknown-strategy", |d: &mut Value| d["metadata"]["labels"] = json!({STRATEGY: "Peer"}), "metadata.labels[virtual-kubelet.koupleless.io/strategy]")]
fn a_warning_that_is_raised_is_refused_with_its_field_and_a_remedy(
    #[case] rule: &str,
    #[case] oddity: fn(&mut Value),
    #[case] field: &str,
) {
    // given
    let odd = deployment(oddity);
    assert_eq!(Cluster::plain().create(Kind::Deployment, &odd).refused(), [""; 0]);
    // when, then
    let reviewed = with(rule, Severity::Deny).create(Kind::Deployment, &odd);
    assert_eq!(reviewed.refused(), [format!("{field}: Invalid")]);
    assert_eq!(reviewed.warned(), [""; 0]);
    assert!(!reviewed.verdict.violations[0].remedy.is_empty());
    // and no other rule does so
    for other in Rule::ALL.iter().map(Rule::name).filter(|other| *other != rule) {
        assert_eq!(with(other, Severity::Deny).create(Kind::Deployment, &odd).refused(), [""; 0], "{other}");
    }
}

#[rstest]
#[case("module-labels", |d: &mut Value| template_of(d)["metadata"]["labels"][NAME] = json!("biz9"), "the label is \"biz9\", but the container's name is \"biz1\"")]
#[case("base-selection", |d: &mut Value| template_of(d)["metadata"]["annotations"] = Value::Null, "nothing says which bases this module is for")]
#[case("annotation-values", |d: &mut Value| d["metadata"]["annotations"]["warden.koupleless.io/inject"] = json!("no"), "warden.koupleless.io/inject: \"no\" is neither \"true\" nor \"false\"")]
fn a_refusal_that_is_lowered_becomes_a_warning(
    #[case] rule: &str,
    #[case] mistake: fn(&mut Value),
    #[case] says: &str,
) {
    let wrong = deployment(mistake);
    assert_eq!(Cluster::plain().create(Kind::Deployment, &wrong).refused().len(), 1);
    let reviewed = with(rule, Severity::Warn).create(Kind::Deployment, &wrong);
    assert_eq!((reviewed.warned(), reviewed.refused()), (vec![says], vec![]));
}

#[test]
fn a_release_that_can_never_be_placed_may_be_only_warned_about() {
    let old = stored(&deployment(|d| {
        d["metadata"]["annotations"]["warden.koupleless.io/allow-same-version"] = json!("true");
        d["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0}});
        d["spec"]["replicas"] = json!(3);
    }));
    let new = edited(old.clone(), |d| container(d)["image"] = json!("https://repo.example.com/rebuilt/biz1-1.0.0.jar"));
    let refused = ["spec.strategy.rollingUpdate.maxUnavailable: Forbidden"];
    assert_eq!(Cluster::plain().update(Kind::Deployment, &old, &new).refused(), refused);
    let reviewed = with("blocked-release", Severity::Warn).update(Kind::Deployment, &old, &new);
    assert_eq!(reviewed.refused(), [""; 0]);
    assert!(reviewed.warns_of("maxUnavailable resolves to 0"), "{:?}", reviewed.warned());
    assert!(
        reviewed.warned().iter().all(|warning| warning.chars().count() <= Warning::LIMIT && !warning.ends_with("..."))
    );
}

#[test]
fn what_a_controller_made_is_held_to_nothing_more() {
    let made = |edit: fn(&mut Value)| {
        pod(|p| {
            p["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "r", "controller": true}]);
            edit(p);
        })
    };
    let odd = made(|p| {
        p["metadata"]["labels"][COMPONENT_OLDER] = json!("module");
        p["metadata"]["annotations"]["warden.koupleless.io/injekt"] = json!("1");
        p["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": 1}});
    });
    let strict = Rule::ALL.iter().fold(Cluster::plain(), |cluster, rule| cluster.rule(rule.name(), Severity::Deny));
    assert_eq!(strict.create(Kind::Pod, &odd).refused(), [""; 0]);
    let vital = made(|p| p["spec"]["containers"][0]["env"] = json!([]));
    assert_eq!(strict.create(Kind::Pod, &vital).refused().len(), 1);
}
