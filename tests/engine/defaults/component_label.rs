//! The component label, in the current dialect.

use similar_asserts::assert_eq;

use super::*;

#[rstest]
#[case::current(json!({COMPONENT: "module"}), json!({COMPONENT: "module"}))]
#[case::older(json!({COMPONENT_OLDER: "module"}), json!({COMPONENT_OLDER: "module", COMPONENT: "module"}))]
#[case::both(json!({COMPONENT_OLDER: "module", COMPONENT: "module"}), json!({COMPONENT_OLDER: "module", COMPONENT: "module"}))]
fn stands_beside_an_older_dialect(#[case] given: Value, #[case] expected: Value) {
    let deployment = deployment(|d| template_of(d)["metadata"]["labels"] = given);
    let mut labels = create(Kind::Deployment, &deployment).pod["metadata"]["labels"].clone();
    labels.as_object_mut().unwrap().retain(|key, _| [COMPONENT, COMPONENT_OLDER].contains(&key.as_str()));
    assert_eq!(labels, expected);
}

#[rstest]
#[case::current(COMPONENT)]
#[case::older(COMPONENT_OLDER)]
fn is_missed_in_the_template_of_a_module_deployment(#[case] key: &str) {
    let deployment = deployment(|d| {
        d["metadata"]["labels"] = json!({key: "module-deployment"});
        template_of(d)["metadata"]["labels"] = Value::Null;
    });
    let reviewed = create(Kind::Deployment, &deployment);
    assert_eq!(reviewed.refused(), [format!("spec.template.metadata.labels[{COMPONENT}]: Required")]);
}

#[rstest]
#[case::no_label(json!({"app": "web"}))]
#[case::another_component(json!({COMPONENT: "vnode"}))]
#[case::no_labels(Value::Null)]
fn never_comes_to_what_is_no_module(#[case] labels: Value) {
    let plain = deployment(|d| template_of(d)["metadata"]["labels"] = labels);
    let reviewed = create(Kind::Deployment, &plain);
    assert_eq!(reviewed.object, plain);
    assert_eq!(reviewed.refused(), [""; 0]);
}
