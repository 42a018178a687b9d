//! Of a bare Pod, only the image can change.

use similar_asserts::assert_eq;

use super::*;

const REBUILT: &str = "https://x/rebuilt/biz1-1.0.0-ark-biz.jar";
const NEWER: &str = "https://x/biz1-2.0.0-ark-biz.jar";

/// The review of another image in a running Pod, which is otherwise `edited`.
fn changed(image: &str, edit: Edit) -> Reviewed {
    let old = create(Kind::Pod, &pod(edit)).object;
    let new = edited(old.clone(), |p| p["spec"]["containers"][0]["image"] = json!(image));
    Cluster::plain().update(Kind::Pod, &old, &new)
}

fn with_controller(pod: &mut Value) {
    pod["metadata"]["ownerReferences"] = json!([{"kind": "CloneSet", "name": "a", "controller": true}]);
}

#[rstest]
#[case::rebuilt(REBUILT, "annotate the Pod with warden.koupleless.io/allow-same-version")]
#[case::of_another_version(NEWER, "create it with the new BIZ_VERSION")]
fn is_refused_under_the_same_version(#[case] image: &str, #[case] remedy: &str) {
    let reviewed = changed(image, |_| {});
    assert_eq!(reviewed.refused(), ["spec.containers[0].image: Forbidden"]);
    assert!(reviewed.verdict.violations[0].remedy.contains(remedy), "{:?}", reviewed.verdict);
}

#[test]
fn is_admitted_on_purpose_and_told() {
    let reviewed = changed(REBUILT, |p| p["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("true"));
    assert_eq!(reviewed.refused(), [""; 0]);
    assert!(reviewed.warns_of("installed again in place"), "{:?}", reviewed.warned());
}

#[test]
fn is_told_also_where_only_its_signature_changes() {
    let old = create(Kind::Pod, &pod(|_| {})).object;
    let image = old["spec"]["containers"][0]["image"].as_str().unwrap().to_owned();
    let signed = edited(old.clone(), |p| p["spec"]["containers"][0]["image"] = json!(image + "?Signature=b"));
    let reviewed = Cluster::plain().update(Kind::Pod, &old, &signed);
    assert_eq!(reviewed.refused(), [""; 0]);
    assert!(reviewed.warns_of("installed again in place"), "{:?}", reviewed.warned());
}

#[test]
fn was_judged_on_the_workload_where_there_is_one() {
    assert_eq!(changed(REBUILT, with_controller).refused(), [""; 0]);
    // But what is no jar never runs
    assert_eq!(changed("nginx:1", with_controller).refused(), ["spec.containers[0].image: Invalid"]);
}

#[test]
fn is_not_judged_where_it_stays() {
    let old = create(Kind::Pod, &pod(|_| {})).object;
    let new = edited(old.clone(), |p| p["metadata"]["annotations"]["team"] = json!("a"));
    assert_eq!(Cluster::plain().update(Kind::Pod, &old, &new).warned(), [""; 0]);
}
