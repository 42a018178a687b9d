//! `kubectl rollout restart`, which changes a template and keeps its version.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{Cluster, STRATEGY, create, deployment, edited, module, stored, template_in, template_of, update};

fn peer_that_frees_none() -> Value {
    stored(&deployment(|d| {
        d["metadata"]["labels"][STRATEGY] = json!("peer");
        d["spec"]["replicas"] = json!(3);
        d["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    }))
}

/// What `kubectl rollout restart` does.
fn restart(kind: Kind, object: &mut Value) {
    template_in(kind, object)["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] =
        json!("2026-11-30T10:00:00Z");
}

/// The JSON in the `kubectl patch` that a remedy names.
fn patch_in(remedy: &str) -> Value {
    let (_, rest) = remedy.split_once("-p '").unwrap();
    serde_json::from_str(rest.split_once('\'').unwrap().0).unwrap()
}

#[test]
fn a_restart_of_a_peer_that_frees_no_base_is_named_and_the_line_to_change_admits_it() {
    // Given a peer Deployment that frees no base
    let old = peer_that_frees_none();
    let restarted = |object: &Value| edited(object.clone(), |d| restart(Kind::Deployment, d));
    // When it is restarted, then it is refused, and told what to change
    let refused = update(&old, &restarted(&old));
    assert_eq!(refused.refused(), ["spec.strategy.rollingUpdate.maxUnavailable: Forbidden"]);
    let violation = &refused.verdict.violations[0];
    assert!(violation.problem.starts_with("kubectl rollout restart keeps BIZ_VERSION \"1.0.0\""), "{violation}");
    assert!(violation.remedy.contains("kubectl patch deployment orders -p"), "{violation}");
    // When that is done, then it is admitted, and so is the restart
    let mut patched = old.clone();
    json_merge(&mut patched, &patch_in(&violation.remedy));
    assert_eq!(update(&old, &patched).refused(), [""; 0]);
    let again = update(&patched, &restarted(&patched));
    assert_eq!((again.refused(), again.warns_of("is released again")), (vec![], true));
}

#[rstest]
#[case::of_kubernetes(Kind::DaemonSet, "kubectl patch daemonset orders -p '")]
#[case::of_open_kruise(Kind::AdvancedDaemonSet, "kubectl patch daemonsets.apps.kruise.io orders --type merge -p '")]
fn a_restart_of_a_daemon_set_that_surges_is_named_and_the_line_to_change_admits_it(
    #[case] kind: Kind,
    #[case] command: &str,
) {
    let surges = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let old = create(kind, &edited(module(kind), |d| d["spec"]["updateStrategy"] = surges)).object;
    let restarted = |object: &Value| edited(object.clone(), |d| restart(kind, d));
    let refused = Cluster::plain().update(kind, &old, &restarted(&old));
    assert_eq!(refused.refused(), ["spec.updateStrategy.rollingUpdate.maxSurge: Forbidden"]);
    let violation = &refused.verdict.violations[0];
    assert!(violation.problem.starts_with("kubectl rollout restart keeps BIZ_VERSION"), "{violation}");
    assert!(violation.remedy.contains(command), "{violation}");
    let mut patched = old.clone();
    json_merge(&mut patched, &patch_in(&violation.remedy));
    let again = Cluster::plain().update(kind, &patched, &restarted(&patched));
    assert_eq!((again.refused(), again.warns_of("is released again")), (vec![], true));
}

#[test]
fn a_restart_with_any_other_change_is_none() {
    let old = peer_that_frees_none();
    let more = edited(old.clone(), |d| {
        restart(Kind::Deployment, d);
        template_of(d)["metadata"]["annotations"]["restarted"] = json!("by hand");
    });
    let violation = &update(&old, &more).verdict.violations[0];
    assert!(violation.problem.starts_with("BIZ_VERSION is still"), "{violation}");
}

/// A merge patch of objects without nulls.
fn json_merge(object: &mut Value, patch: &Value) {
    match patch.as_object() {
        Some(fields) => fields.iter().for_each(|(field, value)| json_merge(&mut object[field], value)),
        None => *object = patch.clone(),
    }
}
