//! The labels for people and selectors.

use similar_asserts::assert_eq;

use super::*;

/// The labels for people and selectors that a Pod has, made of a template with these labels.
fn labels(mut given: Value) -> Value {
    given[COMPONENT] = json!("module");
    let deployment = deployment(|d| template_of(d)["metadata"]["labels"] = given);
    let mut labels = create(Kind::Deployment, &deployment).pod["metadata"]["labels"].clone();
    labels.as_object_mut().unwrap().retain(|key, _| [NAME, VERSION].contains(&key.as_str()));
    labels
}

#[rstest]
#[case::absent(json!({}), "biz1", "1.0.0")]
#[case::name_is_there(json!({NAME: "other"}), "other", "1.0.0")]
#[case::version_is_there(json!({VERSION: "2"}), "biz1", "2")]
#[case::null(json!({NAME: null}), "biz1", "1.0.0")]
fn come_where_they_are_absent(#[case] given: Value, #[case] name: &str, #[case] version: &str) {
    assert_eq!(labels(given), json!({NAME: name, VERSION: version}));
}

#[test]
fn the_jar_beside_a_sidecar_has_them() {
    let deployment = deployment(|d| {
        let sidecar = json!({"name": "proxy", "image": "envoy:1"});
        template_of(d)["spec"]["containers"].as_array_mut().unwrap().insert(0, sidecar);
    });
    assert_eq!(create(Kind::Deployment, &deployment).pod["metadata"]["labels"][NAME], "biz1");
}
