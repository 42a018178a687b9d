//! What is not filled in.

use similar_asserts::assert_eq;

use super::*;

#[rstest]
#[case::replica_set(Kind::ReplicaSet)]
#[case::replication_controller(Kind::ReplicationController)]
#[case::job(Kind::Job)]
#[case::deployment_of_an_operator(Kind::Deployment)]
fn what_a_controller_owns(#[case] kind: Kind) {
    let owned = edited(module(kind), |object| {
        object["metadata"]["ownerReferences"] = json!([{"kind": "Owner", "name": "o", "controller": true}]);
    });
    let reviewed = create(kind, &owned);
    assert_eq!(reviewed.object, owned);
    assert_eq!(reviewed.patched(), [""; 0]);
    assert_eq!(reviewed.refused(), [""; 0]);
}

#[rstest]
#[case::no_controller(json!([{"kind": "Owner", "name": "o"}]))]
#[case::controller_false(json!([{"kind": "Owner", "name": "o", "controller": false}]))]
fn what_is_owned_without_a_controller_is_not(#[case] owners: Value) {
    let owned = edited(module(Kind::ReplicaSet), |object| object["metadata"]["ownerReferences"] = owners);
    assert!(!create(Kind::ReplicaSet, &owned).patched().is_empty(), "{owned}");
}

#[rstest]
fn what_opted_out(#[values("object", "template")] place: &str, #[values(Kind::Deployment, Kind::CronJob)] kind: Kind) {
    let object = edited(module(kind), |object| {
        let at = if place == "object" { object } else { template_in(kind, object) };
        at["metadata"]["annotations"][INJECT] = json!("false");
    });
    let reviewed = create(kind, &object);
    assert_eq!(reviewed.object, object);
    assert_eq!(reviewed.patched(), [""; 0]);
    // and is checked by the Pods that come of it: those of a workload that opted out alone are completed, and the others have
    // no base without the affinity that would have come of the declaration
    let terms = format!("{}.spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms: Required", kind.template_path());
    assert_eq!(reviewed.refused(), if place == "object" { vec![] } else { vec![terms] });
}

#[test]
fn what_is_misshapen_which_is_refused() {
    let object = deployment(|d| template_of(d)["spec"]["tolerations"] = json!({"operator": "Exists"}));
    let reviewed = create(Kind::Deployment, &object);
    assert_eq!(reviewed.object, object);
    assert_eq!(reviewed.refused(), ["spec.template.spec.tolerations: TypeInvalid"]);
}

#[test]
fn fields_that_warden_does_not_know() {
    let object = deployment(|d| {
        d["spec"]["fromTheFuture"] = json!({"a": [1.5, null]});
        template_of(d)["spec"]["alsoFromThere"] = json!([{"deep": true}]);
    });
    let after = create(Kind::Deployment, &object).object;
    assert_eq!(after["spec"]["fromTheFuture"], object["spec"]["fromTheFuture"]);
    assert_eq!(after["spec"]["template"]["spec"]["alsoFromThere"], json!([{"deep": true}]));
}
