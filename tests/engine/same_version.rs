//! A template that changes while BIZ_VERSION does not: mostly the way to bases without the module.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    ALLOW_SAME_VERSION, Cluster, INJECT, Reviewed, STRATEGY, create, deployment, edited, module, pod, release, stored,
    template_in, template_of, update,
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

/// The same jar by another signature of its store.
fn another_signature(d: &mut Value) {
    template_of(d)["spec"]["containers"][0]["image"] =
        json!("https://repo.example.com/biz1-1.0.0-ark-biz.jar?Signature=b");
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
#[case::jar_allowed(|d: &mut Value| { frees(d); allows(d); }, another_jar, &[])]
#[case::jar_allowed_by_recreating(|d: &mut Value| { recreates(d); allows(d); }, another_jar, &[])]
#[case::jar_allowed_and_none_freed(|d: &mut Value| { frees_none(d); allows(d); }, another_jar, &[MAX_UNAVAILABLE])]
#[case::jar_of_a_snapshot(|d: &mut Value| { frees(d); snapshot(d); }, another_jar, &[])]
#[case::jar_of_a_snapshot_and_none_freed(|d: &mut Value| { frees_none(d); snapshot(d); }, another_jar, &[MAX_UNAVAILABLE])]
#[case::jar_of_a_snapshot_by_the_default_strategy(snapshot, another_jar, &[MAX_UNAVAILABLE])]
// the same jar
#[case::template(frees, another_template, &[])]
#[case::signature(frees, another_signature, &[])]
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

#[test]
fn where_no_base_is_freed_it_is_said_what_would_free_one() {
    let old = stored(&deployment(frees_none));
    let reviewed = update(&old, &edited(old.clone(), another_template));
    assert_eq!(reviewed.refused(), [""; 0]);
    assert!(reviewed.warns_of("set it to 1, or use Recreate"), "{:?}", reviewed.warned());
}

#[rstest]
#[case::one_by_one(frees, &[])]
#[case::all_at_once(recreates, &[])]
fn a_deployment_older_than_warden_is_kept_apart_like_any_other(#[case] strategy: Edit, #[case] refused: &[&str]) {
    let old = deployment(strategy);
    let reviewed = update(&old, &edited(old.clone(), another_template));
    assert_eq!(reviewed.refused(), refused);
    assert!(reviewed.warns_of(AGAIN), "{:?}", reviewed.warned());
}

#[test]
fn while_running_pods_are_not_labelled_a_version_is_not_released_again() {
    // Given a Deployment from before warden, which has not labelled its Pods yet
    let old = deployment(frees);
    let cluster = Cluster::plain().with_unlabelled(3);
    // When its template changes, then it is refused for some seconds
    let review = |cluster: &Cluster, change: Edit| cluster.update(Kind::Deployment, &old, &edited(old.clone(), change));
    let refused = review(&cluster, another_template);
    assert_eq!(refused.refused(), [MEETING]);
    assert!(refused.verdict.violations[0].remedy.contains("try again in some seconds"), "{:?}", refused.verdict);
    // And neither a new version nor what takes old Pods first has to wait
    assert_eq!(review(&cluster, |d| release(d, "2.0.0")).refused(), [""; 0]);
    assert_eq!(
        review(&cluster, |d| {
            another_template(d);
            recreates(d);
        })
        .refused(),
        [""; 0]
    );
    assert_eq!(review(&Cluster::plain(), another_template).refused(), [""; 0]);
}

#[test]
fn what_opted_out_alone_is_kept_apart_for_its_pods_are_completed() {
    let old = deployment(|d| {
        d["metadata"]["annotations"][INJECT] = json!("false");
        frees(d);
    });
    assert_eq!(update(&old, &edited(old.clone(), another_template)).refused(), [""; 0]);
}

#[test]
fn what_is_not_kept_apart_needs_a_new_version() {
    // Given a Deployment whose Pods are not completed
    let old = deployment(|d| {
        template_of(d)["metadata"]["annotations"][INJECT] = json!("false");
        frees(d);
        template_of(d)["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": "base"});
    });
    // When its template changes, then its new Pods could meet old ones
    assert_eq!(update(&old, &edited(old.clone(), another_template)).refused(), [MEETING]);
    // But not with a new version, and not where old Pods go first
    assert_eq!(update(&old, &edited(old.clone(), |d| release(d, "2.0.0"))).refused(), [""; 0]);
    let recreated = edited(old, recreates);
    assert_eq!(update(&recreated, &edited(recreated.clone(), another_template)).refused(), [""; 0]);
}

#[rstest]
#[case::no_replicas(no_replicas)]
#[case::none_yet(|d: &mut Value| d["status"] = json!({"observedGeneration": 1, "replicas": 0}))]
#[case::none_ready(|d: &mut Value| d["status"] = json!({
    "replicas": 3,
    "unavailableReplicas": 3,
    "conditions": [{"type": "Progressing", "reason": "ReplicaSetUpdated"}],
}))]
fn a_jar_that_no_base_ever_ran_may_be_mended(#[case] given: Edit) {
    let old = edited(stored(&deployment(frees)), given);
    assert_eq!(update(&old, &edited(old.clone(), another_jar)).refused(), [""; 0]);
}

#[rstest]
#[case::ready(json!({"replicas": 3, "readyReplicas": 1}))]
#[case::ready_once(json!({"replicas": 3, "conditions": [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}]}))]
fn a_jar_that_a_base_ran_may_not(#[case] status: Value) {
    let old = edited(stored(&deployment(frees)), |d| d["status"] = status);
    assert_eq!(update(&old, &edited(old.clone(), another_jar)).refused(), [IMAGE]);
}

mod the_image_of_a_running_pod;

mod in_two_steps {
    use similar_asserts::assert_eq;

    use super::*;

    fn set_env(d: &mut Value) {
        template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!("2.0.0");
    }

    fn set_image(d: &mut Value) {
        template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/biz1-2.0.0-ark-biz.jar");
    }

    fn old(edit: Edit) -> Value {
        edited(
            stored(&deployment(|d| {
                frees(d);
                edit(d);
            })),
            |d| d["status"] = json!({"replicas": 3, "readyReplicas": 3}),
        )
    }

    #[rstest]
    #[case::version_first(set_env, set_image)]
    #[case::jar_first(set_image, set_env)]
    fn a_release_passes_while_it_is_paused(
        #[case] first: Edit,
        #[case] second: Edit,
        #[values(false, true)] is_peer: bool,
    ) {
        let old = old(|_| {});
        let old = if is_peer { edited(old, peer) } else { old };
        let cluster = Cluster::plain().revision(Kind::Deployment, &old);
        let mut before = old;
        let steps: [Edit; 4] =
            [|d| d["spec"]["paused"] = json!(true), first, second, |d| d["spec"]["paused"] = json!(false)];
        for step in steps {
            let reviewed = cluster.update(Kind::Deployment, &before, &edited(before.clone(), step));
            assert_eq!(reviewed.refused(), [""; 0]);
            before = reviewed.object;
        }
    }

    #[rstest]
    #[case::version_alone(set_env)]
    #[case::jar_alone(set_image)]
    fn half_a_release_does_not_pass_and_is_told_how(#[case] half: Edit, #[values(false, true)] is_resumed: bool) {
        let old = old(|_| {});
        let cluster = Cluster::plain().revision(Kind::Deployment, &old);
        let changed = edited(old.clone(), half);
        let reviewed = if is_resumed {
            let paused = edited(changed.clone(), |d| d["spec"]["paused"] = json!(true));
            cluster.update(Kind::Deployment, &paused, &changed)
        } else {
            cluster.update(Kind::Deployment, &old, &changed)
        };
        assert_eq!(reviewed.refused(), [IMAGE]);
        let remedy = &reviewed.verdict.violations[0].remedy;
        let way = if is_resumed { "while the Deployment is paused" } else { "kubectl rollout pause deployment/orders" };
        assert!(remedy.contains("BIZ_VERSION to \"2.0.0\"") && remedy.contains(way), "{remedy}");
        assert!(remedy.contains("kubectl rollout resume deployment/orders"), "{remedy}");
    }

    #[test]
    fn resuming_what_was_paused_without_a_change_says_nothing() {
        let old = old(|_| {});
        let paused = edited(old.clone(), |d| d["spec"]["paused"] = json!(true));
        let reviewed = Cluster::plain().revision(Kind::Deployment, &old).update(Kind::Deployment, &paused, &old);
        assert_eq!((reviewed.refused(), reviewed.warned()), (vec![], vec![]));
    }

    #[rstest]
    #[case::by_the_jar(set_env, set_image)]
    #[case::by_the_version(set_image, set_env)]
    fn a_pair_that_disagrees_may_be_mended(#[case] given: Edit, #[case] mend: Edit) {
        let old = old(given);
        assert_eq!(update(&old, &edited(old.clone(), mend)).refused(), [""; 0]);
    }
}

#[test]
fn without_replicas_no_pods_meet() {
    let old = deployment(no_replicas);
    let reviewed = update(&old, &edited(old.clone(), another_template));
    assert_eq!(reviewed.refused(), [""; 0]);
    assert_eq!(reviewed.warned(), [""; 0]);
}

#[rstest]
#[case::daemon_set(Kind::DaemonSet)]
#[case::of_open_kruise(Kind::AdvancedDaemonSet)]
fn a_daemon_set_that_surges_needs_a_new_version(#[case] kind: Kind) {
    let surges = |object: &mut Value| {
        object["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        object["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("true");
    };
    let old = create(kind, &edited(module(kind), surges)).object;
    let review = |change: Edit| Cluster::plain().update(kind, &old, &edited(old.clone(), change));
    assert_eq!(review(another_template).refused(), ["spec.updateStrategy.rollingUpdate.maxSurge: Forbidden"]);
    assert_eq!(review(|object| release(object, "2.0.0")).refused(), [""; 0]);
    let no_surge = review(|object| {
        another_template(object);
        object["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    });
    assert_eq!(no_surge.refused(), [""; 0]);
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

/// A ControllerRevision does not say how many of its Pods are Ready.
#[rstest]
#[case::stateful_set(Kind::StatefulSet, "readyReplicas")]
#[case::daemon_set(Kind::DaemonSet, "numberReady")]
#[case::clone_set(Kind::CloneSet, "readyReplicas")]
fn another_jar_is_a_mistake_where_the_status_says_that_pods_are_ready(#[case] kind: Kind, #[case] ready: &str) {
    // Given a workload with Ready Pods
    let mut old = create(kind, &module(kind)).object;
    old["status"] = json!({"replicas": 3, "currentNumberScheduled": 3, ready: 3});
    let mut cluster = Cluster::plain().revision(kind, &old);
    cluster.revisions[0].ready = None;
    // When its jar changes and its version does not, then it is refused
    let new = edited(old.clone(), |object| {
        template_in(kind, object)["spec"]["containers"][0]["image"] = json!("https://x/rebuilt/biz1-1.0.0-ark-biz.jar");
    });
    assert_eq!(cluster.update(kind, &old, &new).refused(), [IMAGE]);
    // But where none is Ready, it may be mended
    old["status"][ready] = json!(0);
    assert_eq!(cluster.update(kind, &old, &new).refused(), [""; 0]);
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

/// The field in which each kind has `maxUnavailable`.
#[rstest]
#[case::deployment(Kind::Deployment, json!({"strategy": {"rollingUpdate": {"maxUnavailable": 0}}}), "strategy.rollingUpdate.maxUnavailable", "Recreate")]
#[case::clone_set(Kind::CloneSet, json!({"updateStrategy": {"maxUnavailable": 0, "maxSurge": 1}}), "updateStrategy.maxUnavailable", "set maxUnavailable to 1")]
#[case::canary(Kind::ArgoRollout, json!({"strategy": {"canary": {"maxUnavailable": 0}}}), "strategy.canary.maxUnavailable", "set maxUnavailable to 1")]
#[case::blue_green(Kind::ArgoRollout, json!({"strategy": {"blueGreen": {}}}), "strategy.blueGreen", "release by strategy canary")]
fn what_frees_no_base_is_named_where_its_kind_has_it(
    #[case] kind: Kind,
    #[case] spec: Value,
    #[case] field: &str,
    #[case] way_out: &str,
) {
    // Given a workload that frees no base, which may release another jar under its version
    let old = edited(module(kind), |object| {
        object["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("true");
        for (key, value) in spec.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
    });
    let old = create(kind, &old).object;
    // When it does, then it is refused for that field
    let new = edited(old.clone(), |object| {
        template_in(kind, object)["spec"]["containers"][0]["image"] = json!("https://x/rebuilt/biz1-1.0.0-ark-biz.jar");
    });
    let reviewed = Cluster::plain().update(kind, &old, &new);
    assert_eq!(reviewed.refused(), [format!("spec.{field}: Forbidden")]);
    assert!(reviewed.verdict.violations[0].remedy.contains(way_out), "{:?}", reviewed.verdict);
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

#[test]
fn the_jar_of_a_signed_url_is_told_apart_from_its_signature() {
    // Given a Deployment whose jar has a signed URL
    let old = stored(&edited(deployment(frees), another_signature));
    let image = |image: &str| edited(old.clone(), |d| template_of(d)["spec"]["containers"][0]["image"] = json!(image));
    // When only the signature is another one, then it is released again
    let signed = update(&old, &image("https://repo.example.com/biz1-1.0.0-ark-biz.jar?Signature=c"));
    assert_eq!((signed.refused(), signed.warns_of(AGAIN)), (vec![], true));
    // When the jar is another one, or one that only a parameter names, then it is another jar
    assert_eq!(
        update(&old, &image("https://repo.example.com/new/biz1-1.0.0-ark-biz.jar?Signature=b")).refused(),
        [IMAGE]
    );
    let by_parameter = image("https://x/get?file=a/biz1-1.0.0.jar");
    let stored = stored(&by_parameter);
    let another = edited(by_parameter, |d| {
        template_of(d)["spec"]["containers"][0]["image"] = json!("https://x/get?file=b/biz1-1.0.0.jar");
    });
    assert_eq!(update(&stored, &another).refused(), [IMAGE]);
    // When only the version is another one, then the jar is still that of the old one
    let half = edited(old.clone(), |d| {
        template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!("2.0.0");
        template_of(d)["spec"]["containers"][0]["image"] =
            json!("https://repo.example.com/biz1-1.0.0-ark-biz.jar?Signature=c");
    });
    assert_eq!(update(&old, &half).refused(), [IMAGE]);
}

#[rstest]
#[case::hotfix("1.0.0", "https://x/biz1-1.0.0-hotfix.jar", "1.0.0-hotfix")]
#[case::unique_snapshot("1.0.0-SNAPSHOT", "https://x/biz1-1.0.0-20261130.101500-3.jar", "1.0.0-20261130.101500-3")]
fn a_version_that_the_file_name_of_the_jar_has_mends_a_pair_that_disagrees(
    #[case] version: &str,
    #[case] image: &str,
    #[case] mended: &str,
) {
    // Given a Deployment whose version is only a part of what its jar's file name can mean
    let old = stored(&deployment(|d| {
        template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!(version);
        template_of(d)["spec"]["containers"][0]["image"] = json!(image);
    }));
    // When it gets the rest of it, then it is admitted, and with another one it is not
    let with = |version: &str| {
        let new = edited(old.clone(), |d| template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!(version));
        update(&old, &new).refused()
    };
    assert_eq!(with(mended), [""; 0]);
    assert_eq!(with("9.0.0"), [IMAGE]);
}

#[rstest]
#[case::unique_snapshot("1.0.0-SNAPSHOT", "https://x/biz1-1.0.0-20261130.101500-3-ark-biz.jar", &[IMAGE])]
#[case::classifier("1.0.0", "https://x/biz1-1.0.0-exec.jar", &[IMAGE])]
#[case::name_in_which_nothing_is_certain("2", "https://x/biz1-1.0-api-2.0.jar", &[])]
fn half_a_release_is_known_by_the_file_name_of_its_old_version(
    #[case] version: &str,
    #[case] image: &str,
    #[case] refused: &[&str],
) {
    let old = stored(&deployment(|d| {
        template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!(version);
        template_of(d)["spec"]["containers"][0]["image"] = json!(image);
    }));
    let new = edited(old.clone(), |d| template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!("9.0.0"));
    assert_eq!(update(&old, &new).refused(), refused);
}

/// The manifest in git is applied again after a restart without surge, whose controller has seen the restart or not.
#[rstest]
#[case::is_not_seen_yet(2, json!({"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}), true)]
#[case::is_under_way(2, json!({"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 2}), true)]
#[case::is_over(2, json!({"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}), false)]
fn a_daemon_set_begins_to_surge_only_when_its_update_is_over(
    #[case] generation: u64,
    #[case] status: Value,
    #[case] is_refused: bool,
) {
    // Given
    let old = create(Kind::DaemonSet, &module(Kind::DaemonSet)).object;
    let old = edited(old, |d| {
        d["metadata"]["generation"] = json!(generation);
        d["status"] = status;
    });
    // When it is to surge, and nothing else changes
    let new = edited(old.clone(), |d| {
        d["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    });
    let reviewed = Cluster::plain().update(Kind::DaemonSet, &old, &new);
    // Then
    let field = "spec.updateStrategy.rollingUpdate.maxSurge: Forbidden".to_owned();
    assert_eq!(reviewed.refused(), Vec::from_iter(is_refused.then_some(field)));
}
