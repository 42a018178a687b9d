//! A template that changes while BIZ_VERSION does not: mostly the way to bases without the module.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    ALLOW_SAME_VERSION, COMPONENT, Cluster, NAME, STRATEGY, VERSION, create, deployment, edited, module, release,
    stored, template_in, template_of, update,
};

type Edit = fn(&mut Value);

const IMAGE: &str = "spec.template.spec.containers[0].image: Forbidden";
const MEETING: &str = "spec.template.spec.containers[0].env: Forbidden";
const MAX_UNAVAILABLE: &str = "spec.strategy.rollingUpdate.maxUnavailable: Forbidden";
const AGAIN: &str = "is released again";

fn another_jar(d: &mut Value) {
    template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/rebuilt/biz1-1.0.0-ark-biz.jar");
}

fn another_template(d: &mut Value) {
    template_of(d)["metadata"]["annotations"]["restarted"] = json!("today");
}

fn frees(d: &mut Value) {
    d["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 1}});
}

fn frees_none(d: &mut Value) {
    d["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
}

fn recreates(d: &mut Value) {
    d["spec"]["strategy"] = json!({"type": "Recreate"});
}

fn allows(d: &mut Value) {
    d["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("true");
}

fn peer(d: &mut Value) {
    d["metadata"]["labels"][STRATEGY] = json!("peer");
}

fn snapshot(d: &mut Value) {
    template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!("1.0.0-SNAPSHOT");
}

fn no_replicas(d: &mut Value) {
    d["spec"]["replicas"] = json!(0);
}

/// Given a stored Deployment of 3 replicas, made as `given` say; when `change` is made to it; then it is refused for
/// `refused`, or warned of.
#[rstest]
// another jar
#[case::jar(frees, another_jar, &[IMAGE])]
#[case::jar_by_recreating(recreates, another_jar, &[IMAGE])]
#[case::jar_without_replicas(no_replicas, another_jar, &[IMAGE])]
#[case::jar_allowed(|d: &mut Value| { frees(d); allows(d); }, another_jar, &[])]
#[case::jar_allowed_by_recreating(|d: &mut Value| { recreates(d); allows(d); }, another_jar, &[])]
#[case::jar_allowed_and_none_freed(|d: &mut Value| { frees_none(d); allows(d); }, another_jar, &[MAX_UNAVAILABLE])]
#[case::jar_of_a_snapshot(|d: &mut Value| { frees(d); snapshot(d); }, another_jar, &[])]
#[case::jar_of_a_snapshot_and_none_freed(|d: &mut Value| { frees_none(d); snapshot(d); }, another_jar, &[MAX_UNAVAILABLE])]
#[case::jar_of_a_snapshot_by_the_default_strategy(snapshot, another_jar, &[MAX_UNAVAILABLE])]
// the same jar
#[case::template(frees, another_template, &[])]
#[case::template_of_a_peer(|d: &mut Value| { frees(d); peer(d); }, another_template, &[])]
#[case::template_of_a_recreated_peer(|d: &mut Value| { recreates(d); peer(d); }, another_template, &[])]
#[case::template_of_a_peer_and_none_freed(|d: &mut Value| { frees_none(d); peer(d); }, another_template, &[MAX_UNAVAILABLE])]
fn released_again(#[case] given: Edit, #[case] change: Edit, #[case] refused: &[&str]) {
    // Given
    let old = stored(&deployment(|d| {
        d["spec"]["replicas"] = json!(3);
        given(d);
    }));
    // When
    let new = edited(old.clone(), change);
    let reviewed = update(&old, &new);
    // Then
    assert_eq!(reviewed.refused(), refused, "{new}");
    assert_eq!(reviewed.warns_of(AGAIN), refused.is_empty(), "{:?}", reviewed.warned());
}

#[rstest]
#[case::version_label(VERSION)]
#[case::name_label(NAME)]
fn the_running_pods_must_be_known_by_their_labels(#[case] missing: &str) {
    // Given a Deployment whose Pods cannot be told from others
    let old = edited(stored(&deployment(frees)), |d| {
        let labels = template_of(d)["metadata"]["labels"].as_object_mut().unwrap();
        labels.remove(missing);
        labels.insert("module-controller.koupleless.io/component".to_owned(), json!("module"));
    });
    // When its template changes
    let new = edited(stored(&deployment(frees)), another_template);
    // Then its new Pods could meet old ones
    assert_eq!(update(&old, &new).refused(), [MEETING]);
}

#[test]
fn pods_of_the_tutorial_are_known_though_their_component_is_of_old() {
    // Given a Deployment whose Pods carry name and version, and only the older component label
    let old = edited(stored(&deployment(frees)), |d| {
        let labels = template_of(d)["metadata"]["labels"].as_object_mut().unwrap();
        labels.remove(COMPONENT);
        labels.insert("module-controller.koupleless.io/component".to_owned(), json!("module"));
    });
    // When its template changes, then old and new are kept apart
    let new = edited(stored(&deployment(frees)), another_template);
    assert_eq!(update(&old, &new).refused(), [""; 0]);
}

#[test]
fn where_no_base_is_freed_it_is_said_what_would_free_one() {
    let old = stored(&deployment(frees_none));
    let reviewed = update(&old, &edited(old.clone(), another_template));
    assert_eq!(reviewed.refused(), [""; 0]);
    assert!(reviewed.warns_of("set it to 1, or use Recreate"), "{:?}", reviewed.warned());
}

#[test]
fn a_deployment_older_than_warden_needs_a_new_version() {
    let old = deployment(frees);
    let reviewed = update(&old, &edited(old.clone(), another_template));
    assert_eq!(reviewed.refused(), [MEETING]);
    let released = update(&old, &edited(old.clone(), |d| release(d, "2.0.0")));
    assert_eq!(released.refused(), [""; 0]);
}

#[test]
fn where_old_pods_go_first_it_does_not_matter_how_they_are_known() {
    // Given a Deployment older than warden whose old Pods are all gone before the first new one comes
    let old = deployment(recreates);
    // When its template changes
    let reviewed = update(&old, &edited(old.clone(), another_template));
    // Then it is only warned of
    assert_eq!(reviewed.refused(), [""; 0]);
    assert!(reviewed.warns_of(AGAIN), "{:?}", reviewed.warned());
}

#[test]
fn what_had_no_replicas_has_no_old_pods_to_meet() {
    let old = deployment(no_replicas);
    let new = edited(edited(old.clone(), another_template), |d| d["spec"]["replicas"] = json!(3));
    assert_eq!(update(&old, &new).refused(), [""; 0]);
}

#[test]
fn without_replicas_no_pods_meet() {
    let old = deployment(no_replicas);
    let reviewed = update(&old, &edited(old.clone(), another_template));
    assert_eq!(reviewed.refused(), [""; 0]);
    assert_eq!(reviewed.warned(), [""; 0]);
}

#[test]
fn a_daemon_set_that_surges_lets_old_and_new_meet() {
    let surges = |object: &mut Value| {
        object["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        object["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("true");
    };
    let old = create(Kind::DaemonSet, &edited(module(Kind::DaemonSet), surges)).object;
    let reviewed = Cluster::plain().update(Kind::DaemonSet, &old, &edited(old.clone(), another_jar));
    assert_eq!(reviewed.refused(), [MEETING]);
}

#[test]
fn pods_that_are_still_there_can_be_met_whatever_the_replicas_say() {
    // Given a Deployment from before warden, scaled to none, whose controller has not acted yet
    let old = edited(deployment(no_replicas), |d| d["status"] = json!({"replicas": 3}));
    let new = edited(edited(old.clone(), another_template), |d| d["spec"]["replicas"] = json!(3));
    assert_eq!(update(&old, &new).refused(), [MEETING]);
    // When it has, then there is no Pod to meet
    let gone = edited(old, |d| d["status"] = json!({"observedGeneration": 2}));
    assert_eq!(update(&gone, &new).refused(), [""; 0]);
}

#[test]
fn another_jar_is_a_mistake_also_where_a_controller_makes_it() {
    // Given a Deployment that an operator keeps
    let owned =
        |d: &mut Value| d["metadata"]["ownerReferences"] = json!([{"kind": "App", "name": "a", "controller": true}]);
    let old = deployment(owned);
    // When it is changed, then it is neither filled in nor judged by what its author could mend
    let reviewed = update(&old, &edited(old.clone(), another_template));
    assert_eq!((reviewed.refused(), reviewed.patched()), (vec![], vec![]));
    // When its jar is another one, then it is refused
    assert_eq!(update(&old, &edited(old.clone(), another_jar)).refused(), [IMAGE]);
}

#[rstest]
#[case::stateful_set(Kind::StatefulSet)]
#[case::daemon_set(Kind::DaemonSet)]
fn kinds_that_take_the_old_pod_first_may(#[case] kind: Kind) {
    let old = create(kind, &module(kind)).object;
    let new = edited(old.clone(), |object| template_in(kind, object)["metadata"]["annotations"]["a"] = json!("b"));
    let reviewed = Cluster::plain().update(kind, &old, &new);
    assert_eq!(reviewed.refused(), [""; 0]);
    assert!(reviewed.warns_of(AGAIN), "{:?}", reviewed.warned());
}

#[test]
fn a_replica_set_replaces_no_pods() {
    let old = create(Kind::ReplicaSet, &module(Kind::ReplicaSet)).object;
    let reviewed = Cluster::plain().update(Kind::ReplicaSet, &old, &edited(old.clone(), another_jar));
    assert_eq!(reviewed.refused(), [""; 0]);
}

#[test]
fn another_module_beside_it_is_held_to_its_own_version() {
    // Given two modules in one Pod
    let old = stored(&deployment(|d| {
        frees(d);
        let second = edited(template_of(d)["spec"]["containers"][0].clone(), |c| c["name"] = json!("biz2"));
        template_of(d)["spec"]["containers"].as_array_mut().unwrap().push(second);
    }));
    // When one gets a new version and the other another jar
    let new = edited(old.clone(), |d| {
        release(d, "2.0.0");
        template_of(d)["spec"]["containers"][1]["image"] = json!("https://repo.example.com/other/biz2-1.0.0.jar");
    });
    // Then the other is refused
    assert_eq!(update(&old, &new).refused(), ["spec.template.spec.containers[1].image: Forbidden"]);
}
