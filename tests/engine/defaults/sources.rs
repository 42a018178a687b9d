//! Where base and environment are declared.

use similar_asserts::assert_eq;

use super::*;

/// The base version that is injected where the places declare one: `(template, workload, namespace)`.
#[rstest]
#[case::template_first(Some("t"), Some("w"), Some("n"), Some("t"))]
#[case::then_workload(None, Some("w"), Some("n"), Some("w"))]
#[case::then_namespace(None, None, Some("n"), Some("n"))]
#[case::else_none(None, None, None, None)]
fn the_nearest_wins(
    #[case] template: Option<&str>,
    #[case] workload: Option<&str>,
    #[case] namespace: Option<&str>,
    #[case] expected: Option<&str>,
    #[values("labels", "annotations")] place: &str,
) {
    for key in [BASE_NAME, BASE_VERSION, BASE_CLUSTER] {
        // Given
        let object = deployment(|d| {
            template_of(d)["metadata"]["annotations"] = Value::Null;
            if let Some(value) = template {
                template_of(d)["metadata"][place][key] = json!(value);
            }
            if let Some(value) = workload {
                d["metadata"][place][key] = json!(value);
            }
        });
        let cluster = match (namespace, place) {
            (Some(value), "labels") => Cluster::plain().labelled(key, value),
            (Some(value), _) => Cluster::plain().annotated(key, value),
            (None, _) => Cluster::plain(),
        };
        // When
        let template = cluster.create(Kind::Deployment, &object).pod;
        // Then
        let terms = &template["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"];
        let expected = expected.map_or(Value::Null, |value| json!([{"matchExpressions": [is_in(key, &[value])]}]));
        assert_eq!(*terms, expected, "{template}");
    }
}

#[test]
fn each_key_is_looked_up_for_itself() {
    let object = deployment(|d| {
        template_of(d)["metadata"]["annotations"] = json!({BASE_NAME: "base"});
        d["metadata"]["annotations"] = json!({BASE_NAME: "ignored", BASE_VERSION: "2.0.0"});
    });
    let cluster = Cluster::plain().labelled(BASE_VERSION, "ignored").annotated(BASE_CLUSTER, "blue");
    let reviewed = cluster.create(Kind::Deployment, &object);
    assert_eq!(
        reviewed.pod["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"],
        json!([{"matchExpressions": [
            is_in(BASE_NAME, &["base"]), is_in(BASE_VERSION, &["2.0.0"]), is_in(BASE_CLUSTER, &["blue"]),
        ]}])
    );
    assert_eq!(reviewed.placement(Kind::Deployment), json!({"env": "dev", "version": "2.0.0", "cluster": "blue"}));
}

#[rstest]
#[case::default(Cluster::plain(), None, "dev")]
#[case::configured(Cluster::plain().default_env("test"), None, "test")]
#[case::namespace_label(Cluster::plain().default_env("test").labelled(ENV, "prod"), None, "prod")]
#[case::namespace_annotation(Cluster::plain().annotated(ENV, "prod"), None, "prod")]
#[case::no_label_value(Cluster::plain().annotated(ENV, "dev or prod"), None, "dev")]
#[case::template(Cluster::plain().annotated(ENV, "prod"), Some("gray"), "gray")]
fn the_environment_comes_the_same_way(#[case] cluster: Cluster, #[case] template: Option<&str>, #[case] env: &str) {
    let object = deployment(|d| {
        if let Some(env) = template {
            template_of(d)["metadata"]["annotations"][ENV] = json!(env);
        }
    });
    let reviewed = cluster.create(Kind::Deployment, &object);
    assert_eq!(reviewed.pod["spec"]["tolerations"][1], node_env(env));
}
