//! The grace period: what is filled in, and the seconds that warnings name.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{Cluster, INJECT, create, deployment, edited, module, pod, release, template_in, template_of};

type Edit = fn(&mut Value);

const SECONDS: &str = "terminationGracePeriodSeconds";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The Deployment as the API server shows it to the webhook when a client sends `sent`: with Kubernetes' default.
fn in_cluster(sent: &Value, is_applied: bool) -> Value {
    edited(sent.clone(), |d| {
        let spec = &mut template_of(d)["spec"];
        if spec[SECONDS].is_null() {
            spec[SECONDS] = json!(30);
        }
        d["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Update", "fieldsV1": {}}]);
        if is_applied {
            d["metadata"]["annotations"][LAST_APPLIED] = json!(sent.to_string());
        }
    })
}

#[rstest]
#[case::none(|_: &mut Value| {}, 5)]
#[case::thirty_of_its_own(|d: &mut Value| template_of(d)["spec"][SECONDS] = json!(30), 30)]
#[case::sixty(|d: &mut Value| template_of(d)["spec"][SECONDS] = json!(60), 60)]
fn it_is_filled_in_where_the_author_set_none(
    #[case] edit: Edit,
    #[case] seconds: u64,
    #[values(false, true)] is_offline: bool,
) {
    // Given what kubectl apply sends, or a file that is reviewed
    let sent = deployment(edit);
    let object = if is_offline { sent.clone() } else { in_cluster(&sent, true) };
    // When it is created, then the template keeps what it says, and its Pods have the grace period
    let cluster = Cluster::plain().grace_period(5);
    let reviewed = cluster.create(Kind::Deployment, &object);
    assert_eq!(reviewed.template(Kind::Deployment)["spec"], template_of(&mut object.clone())["spec"]);
    assert_eq!(reviewed.pod["spec"][SECONDS], seconds);
    assert_eq!(reviewed.placement(Kind::Deployment)["grace"], if seconds == 5 { json!(5) } else { Value::Null });
    // And none where none is configured
    let unconfigured = create(Kind::Deployment, &object);
    assert_eq!(unconfigured.pod["spec"][SECONDS], template_of(&mut object.clone())["spec"][SECONDS]);
    assert_eq!(unconfigured.placement(Kind::Deployment)["grace"], Value::Null);
}

#[test]
fn thirty_seconds_of_a_client_that_leaves_no_trace_are_kubernetes_default() {
    let object = in_cluster(&deployment(|_| {}), false);
    assert_eq!(Cluster::plain().grace_period(5).create(Kind::Deployment, &object).pod["spec"][SECONDS], 5);
}

#[test]
fn thirty_seconds_of_a_server_side_apply_are_the_authors() {
    let object = edited(in_cluster(&deployment(|_| {}), false), |d| {
        let fields = json!({"f:spec": {"f:template": {"f:spec": {format!("f:{SECONDS}"): {}}}}});
        d["metadata"]["managedFields"] = json!([{"manager": "argocd", "operation": "Apply", "fieldsV1": fields}]);
    });
    let cluster = Cluster::plain().grace_period(5);
    assert_eq!(cluster.create(Kind::Deployment, &object).pod["spec"][SECONDS], 30);
    // And those of another operation are not: they have what the API server filled in
    let updated = edited(object, |d| d["metadata"]["managedFields"][0]["operation"] = json!("Update"));
    assert_eq!(cluster.create(Kind::Deployment, &updated).pod["spec"][SECONDS], 5);
}

#[test]
fn it_stays_with_the_template_whatever_is_configured_later() {
    // Given a Deployment from before a grace period was configured
    let sent = deployment(|_| {});
    let old = create(Kind::Deployment, &in_cluster(&sent, true)).object;
    let cluster = Cluster::plain().grace_period(5).revision(Kind::Deployment, &old);
    // When it is applied again, then it makes no new revision
    let again = cluster.update(Kind::Deployment, &old, &old);
    assert_eq!((again.patched(), again.pod["spec"][SECONDS].clone()), (vec![], json!(30)));
    // When a new version is released, then it has the grace period
    let new = cluster.update(Kind::Deployment, &old, &edited(old.clone(), |d| release(d, "2.0.0")));
    assert_eq!((new.pod["spec"][SECONDS].clone(), new.refused()), (json!(5), vec![]));
    // When that is taken back, then it is the old revision again
    let back = edited(new.object.clone(), |d| release(d, "1.0.0"));
    let undone = cluster.update(Kind::Deployment, &new.object, &back);
    assert_eq!(template_of(&mut undone.object.clone()), template_of(&mut old.clone()));
    // When another one is configured, then the next release has that
    let next = Cluster::plain().grace_period(7).update(
        Kind::Deployment,
        &new.object,
        &edited(new.object.clone(), |d| release(d, "3.0.0")),
    );
    assert_eq!(next.pod["spec"][SECONDS], 7);
}

#[test]
fn a_template_that_runs_without_warden_is_not_touched() {
    let by_hand = deployment(|d| {
        template_of(d)["metadata"]["annotations"] = json!({});
        template_of(d)["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        template_of(d)["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": "base"});
    });
    let reviewed = Cluster::plain().grace_period(5).create(Kind::Deployment, &in_cluster(&by_hand, true));
    assert_eq!((reviewed.patched(), reviewed.pod["spec"][SECONDS].clone()), (vec![], json!(30)));
}

#[test]
fn nothing_is_filled_in_where_injection_is_switched_off() {
    let opted_out = deployment(|d| template_of(d)["metadata"]["annotations"][INJECT] = json!("false"));
    let reviewed = Cluster::plain().grace_period(5).create(Kind::Deployment, &in_cluster(&opted_out, true));
    assert_eq!((reviewed.patched(), reviewed.pod["spec"][SECONDS].clone()), (vec![], json!(30)));
}

#[rstest]
#[case::bare(json!([]), 5)]
#[case::of_a_controller(json!([{"kind": "ReplicaSet", "name": "a", "controller": true}]), 30)]
fn a_pod_has_it_if_it_is_bare_or_its_template_says_so(#[case] owners: Value, #[case] seconds: u64) {
    let cluster = Cluster::plain().grace_period(5);
    let made = pod(|p| {
        p["spec"][SECONDS] = json!(30);
        p["metadata"]["ownerReferences"] = owners;
        p["metadata"]["managedFields"] = json!([]);
    });
    let reviewed = cluster.create(Kind::Pod, &made);
    assert_eq!(reviewed.pod["spec"][SECONDS], seconds);
    // When a bare Pod is sent again without it, then it keeps it: the API server would refuse another one
    let again = cluster.update(Kind::Pod, &reviewed.object, &made);
    assert_eq!(again.object["spec"][SECONDS], seconds);
}

#[rstest]
#[case::default(|_: &mut Value| {}, None, "leaves each base 30 s without the module")]
#[case::configured(|d: &mut Value| template_in(Kind::DaemonSet, d)["spec"][SECONDS] = json!(8), Some(7), "leaves each base 8 s without the module")]
#[case::own(|d: &mut Value| template_in(Kind::DaemonSet, d)["spec"][SECONDS] = json!(9), Some(5), "leaves each base 9 s without the module")]
fn a_daemon_set_that_uninstalls_first_is_told_its_seconds(
    #[case] edit: Edit,
    #[case] grace: Option<u64>,
    #[case] told: &str,
) {
    let object = edited(module(Kind::DaemonSet), edit);
    let cluster = grace.map_or_else(Cluster::plain, |seconds| Cluster::plain().grace_period(seconds));
    let reviewed = cluster.create(Kind::DaemonSet, &object);
    assert!(reviewed.warned().iter().any(|warning| warning.contains(told)), "{:?}", reviewed.warned());
    // When it surges, as the warning says, then nothing is said, and a new version is admitted
    assert!(reviewed.warns_of("with maxSurge 1 and maxUnavailable 0: 0 s"));
    let surges = edited(object, |d| {
        d["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    });
    let old = cluster.create(Kind::DaemonSet, &surges);
    let new = cluster.update(Kind::DaemonSet, &old.object, &edited(old.object.clone(), |d| release(d, "2.0.0")));
    assert_eq!((old.warned(), new.warned(), new.refused()), (vec![], vec![], vec![]));
}

#[rstest]
#[case::recommended(5, None)]
#[case::shorter_than_configured(7, Some(8))]
#[case::configured(30, Some(8))]
#[case::recommended_where_less_is_configured(5, Some(2))]
fn a_short_grace_period_is_not_told(
    #[case] seconds: u64,
    #[case] grace: Option<u64>,
    #[values(Kind::DaemonSet, Kind::StatefulSet)] kind: Kind,
) {
    // Given a workload with a grace period that is not longer than it must be
    let cluster = grace.map_or_else(Cluster::plain, |seconds| Cluster::plain().grace_period(seconds));
    let object = edited(module(kind), |object| {
        if seconds != 30 {
            template_in(kind, object)["spec"][SECONDS] = json!(seconds);
        }
    });
    // When it is created, gets a new version, or releases its version again, then nothing is said
    let created = cluster.create(kind, &object);
    let old = &created.object;
    let updated = |edit: Edit| cluster.update(kind, old, &edited(old.clone(), edit));
    assert_eq!(created.warned(), [""; 0]);
    assert_eq!(updated(|object| release(object, "2.0.0")).warned(), [""; 0]);
    let again = edited(old.clone(), |object| template_in(kind, object)["metadata"]["annotations"]["a"] = json!("b"));
    assert_eq!(cluster.update(kind, old, &again).warned(), [""; 0]);
}

#[rstest]
#[case::on_delete(|d: &mut Value| d["spec"]["updateStrategy"] = json!({"type": "OnDelete"}))]
#[case::of_an_operator(|d: &mut Value| d["metadata"]["ownerReferences"] = json!([{"kind": "App", "name": "a", "controller": true}]))]
fn a_daemon_set_whose_updates_another_decides_on_is_not_told(#[case] edit: Edit) {
    let reviewed = create(Kind::DaemonSet, &edited(module(Kind::DaemonSet), edit));
    assert!(!reviewed.warns_of("without the module"), "{:?}", reviewed.warned());
}

#[rstest]
#[case::deployment(Kind::Deployment, |d: &mut Value| d["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 1}}), "a new version with maxSurge 1: 0 s")]
#[case::recreated(Kind::Deployment, |d: &mut Value| d["spec"]["strategy"] = json!({"type": "Recreate"}), "a new version with RollingUpdate, maxSurge 1: 0 s")]
#[case::daemon_set(Kind::DaemonSet, |_: &mut Value| {}, "a new version with maxSurge 1: 0 s")]
#[case::stateful_set(Kind::StatefulSet, |_: &mut Value| {}, "a new version with terminationGracePeriodSeconds 7: then 7 s")]
#[case::of_open_kruise(Kind::AdvancedStatefulSet, |_: &mut Value| {}, "a new version with terminationGracePeriodSeconds 7: then 7 s")]
#[case::clone_set(Kind::CloneSet, |_: &mut Value| {}, "a new version with maxSurge 1: 0 s")]
fn a_version_that_is_released_again_is_told_the_seconds_of_the_old_pods_once(
    #[case] kind: Kind,
    #[case] edit: Edit,
    #[case] instead: &str,
) {
    // Given a workload with a grace period of 8 s, which is longer than the configured one
    let cluster = Cluster::plain().grace_period(7);
    let given = edited(module(kind), |object| {
        edit(object);
        template_in(kind, object)["spec"][SECONDS] = json!(8);
    });
    let old = cluster.create(kind, &given).object;
    // When its template changes and its version does not, and its grace period is another one from then on
    let new = edited(old.clone(), |object| template_in(kind, object)["spec"][SECONDS] = json!(2));
    let reviewed = cluster.update(kind, &old, &new);
    // Then the seconds are those of the Pods that are deleted
    let told = format!("each base is 8 s without biz1: 1.0.0 is released again ({instead})");
    assert_eq!(reviewed.warned(), [told]);
}

#[test]
fn a_cron_job_deletes_no_pods_for_another_template() {
    let kind = Kind::CronJob;
    let old = create(kind, &module(kind)).object;
    let new = edited(old.clone(), |object| template_in(kind, object)["metadata"]["annotations"]["a"] = json!("b"));
    assert_eq!(Cluster::plain().update(kind, &old, &new).warned(), [""; 0]);
}

#[test]
fn seconds_of_a_template_that_does_not_run_are_not_told() {
    // Given a Deployment that was paused, and then got another template with a shorter grace period
    let running = create(Kind::Deployment, &deployment(|d| d["spec"]["strategy"] = json!({"type": "Recreate"}))).object;
    let cluster = Cluster::plain().revision(Kind::Deployment, &running);
    let paused = edited(running, |d| {
        d["spec"]["paused"] = json!(true);
        template_of(d)["spec"][SECONDS] = json!(1);
    });
    // When it is resumed, then it is told without the seconds of the new template, for the Pods that are deleted have others
    let resumed =
        cluster.update(Kind::Deployment, &paused, &edited(paused.clone(), |d| d["spec"]["paused"] = json!(false)));
    assert!(
        resumed.warns_of("each base is without biz1 for a grace period: 1.0.0 is released again"),
        "{:?}",
        resumed.warned()
    );
}
