//! What is refused, for which field and with which cause. The sentences may change; the fields may not.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    ALLOW_SAME_VERSION, BASE_NAME, BASE_VERSION, Cluster, ENV, FOLLOW, INJECT, NAME, OWN_TOLERATIONS, PEER_PAUSED,
    REQUIRED, VERSION, create, deployment, edited, module, pod, release, template_in, template_of, update,
};

/// A change to a Deployment, and what it is refused for.
type Spoil = fn(&mut Value);

fn env(deployment: &mut Value) -> &mut Value {
    &mut template_of(deployment)["spec"]["containers"][0]["env"]
}

fn terms(deployment: &mut Value) -> &mut Value {
    &mut template_of(deployment)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]
}

#[rstest]
#[case::no_env(|d: &mut Value| *env(d) = Value::Null, &["spec.template.spec.containers[0].env: Required"])]
#[case::another_variable(|d: &mut Value| *env(d) = json!([{"name": "A", "value": "1"}]), &["spec.template.spec.containers[0].env: Required"])]
#[case::empty(|d: &mut Value| env(d)[0]["value"] = json!(""), &["spec.template.spec.containers[0].env[0].value: Required"])]
#[case::no_value(|d: &mut Value| *env(d) = json!([{"name": "BIZ_VERSION"}]), &["spec.template.spec.containers[0].env[0].value: Required"])]
#[case::reference(
    |d: &mut Value| *env(d) = json!([{"name": "A"}, {"name": "BIZ_VERSION", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]),
    &["spec.template.spec.containers[0].env[1].valueFrom: Invalid"],
)]
#[case::colon(|d: &mut Value| env(d)[0]["value"] = json!("1.0:2"), &["spec.template.spec.containers[0].env[0].value: Invalid"])]
#[case::variable(|d: &mut Value| env(d)[0]["value"] = json!("$(VERSION)"), &["spec.template.spec.containers[0].env[0].value: Invalid"])]
#[case::space(|d: &mut Value| env(d)[0]["value"] = json!("1.0 "), &["spec.template.spec.containers[0].env[0].value: Invalid"])]
#[case::long(|d: &mut Value| env(d)[0]["value"] = json!("1".repeat(64)), &["spec.template.spec.containers[0].env[0].value: Invalid"])]
#[case::twice_different(
    |d: &mut Value| *env(d) = json!([{"name": "BIZ_VERSION", "value": "1.0.0"}, {"name": "A"}, {"name": "BIZ_VERSION", "value": "2.0.0"}]),
    &["spec.template.spec.containers[0].env[2]: Duplicate"],
)]
#[case::twice_alike(|d: &mut Value| *env(d) = json!([{"name": "BIZ_VERSION", "value": "1.0.0"}, {"name": "BIZ_VERSION", "value": "1.0.0"}]), &[])]
#[case::a_number(|d: &mut Value| env(d)[0]["value"] = json!(1.0), &["spec.template.spec.containers[0].env[0].value: TypeInvalid"])]
fn biz_version(#[case] spoil: Spoil, #[case] refused: &[&str]) {
    let deployment = deployment(spoil);
    assert_eq!(create(Kind::Deployment, &deployment).refused(), refused, "{deployment}");
}

#[rstest]
#[case::build_metadata(
    "1.0.0+7",
    r#"set BIZ_VERSION to "1.0.0-7", and build the jar under that version"#,
    Some("1.0.0-7")
)]
#[case::colon("1.0:2", r#"set BIZ_VERSION to "1.0-2""#, Some("1.0-2"))]
#[case::blank("1.0.0 ", r#"set BIZ_VERSION to "1.0.0""#, Some("1.0.0"))]
#[case::placeholder("${VERSION}", "replace ${VERSION} by the version before the manifest is applied", None)]
#[case::nothing_like_it("版本", "set BIZ_VERSION to the version in the jar's manifest", None)]
fn the_remedy_for_a_version_that_cannot_be_used_is_admitted(
    #[case] version: &str,
    #[case] remedy: &str,
    #[case] followed: Option<&str>,
) {
    let refused = create(Kind::Deployment, &deployment(|d| release(d, version)));
    let remedies: Vec<_> = refused.verdict.violations.iter().map(|violation| violation.remedy.as_str()).collect();
    assert!(remedies.iter().any(|it| it.contains(remedy)), "{remedies:?}");
    if let Some(version) = followed {
        let reviewed = create(Kind::Deployment, &deployment(|d| release(d, version)));
        assert_eq!((reviewed.refused(), reviewed.warned()), (vec![], vec![]));
    }
}

#[rstest]
#[case::no_host("https:/x/biz1-1.0.0.jar", "begin the image with https://HOST/", "https://x/biz1-1.0.0.jar")]
#[case::placeholder(
    "https://x/biz1-{{ .v }}.jar",
    "replace {{ .v }} before the manifest is applied",
    "https://x/biz1-1.0.0.jar"
)]
#[case::no_url("x/biz1-1.0.0.jar", "set the image to the URL of the jar", "https://x/biz1-1.0.0.jar")]
fn the_remedy_for_an_image_is_admitted(#[case] image: &str, #[case] remedy: &str, #[case] followed: &str) {
    let with = |image: &str| deployment(|d| template_of(d)["spec"]["containers"][0]["image"] = json!(image));
    let refused = create(Kind::Deployment, &with(image));
    assert!(refused.verdict.violations[0].remedy.contains(remedy), "{:?}", refused.verdict);
    let reviewed = create(Kind::Deployment, &with(followed));
    assert_eq!((reviewed.refused(), reviewed.warned()), (vec![], vec![]));
}

#[test]
fn a_variable_of_the_first_dialect_is_named_in_the_remedy() {
    let refused = create(Kind::Deployment, &deployment(|d| env(d)[0]["name"] = json!("MODULE_VERSION")));
    assert_eq!(refused.verdict.violations[0].remedy, "rename MODULE_VERSION to BIZ_VERSION");
}

#[rstest]
#[case::version_at_odds(|d: &mut Value| template_of(d)["metadata"]["labels"][VERSION] = json!("2"), &[VERSION])]
#[case::name_at_odds(|d: &mut Value| template_of(d)["metadata"]["labels"][NAME] = json!("biz2"), &[NAME])]
#[case::container_renamed(
    |d: &mut Value| {
        template_of(d)["metadata"]["labels"][NAME] = json!("biz1");
        template_of(d)["spec"]["containers"][0]["name"] = json!("orders");
    },
    &[NAME],
)]
#[case::both_at_odds(
    |d: &mut Value| {
        template_of(d)["metadata"]["labels"][NAME] = json!("biz2");
        template_of(d)["metadata"]["labels"][VERSION] = json!("2");
    },
    &[NAME, VERSION],
)]
#[case::one_of_two_modules(
    |d: &mut Value| {
        let second = edited(template_of(d)["spec"]["containers"][0].clone(), |c| c["name"] = json!("biz2"));
        template_of(d)["spec"]["containers"].as_array_mut().unwrap().push(second);
        template_of(d)["metadata"]["labels"][NAME] = json!("biz2");
    },
    &[],
)]
fn labels(#[case] spoil: Spoil, #[case] keys: &[&str]) {
    let deployment = deployment(spoil);
    let expected: Vec<_> = keys.iter().map(|key| format!("spec.template.metadata.labels[{key}]: Invalid")).collect();
    assert_eq!(create(Kind::Deployment, &deployment).refused(), expected, "{deployment}");
}

#[rstest]
#[case::no_containers(|d: &mut Value| template_of(d)["spec"]["containers"] = json!([]), &["spec.template.spec.containers: Required"])]
#[case::an_image(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("nginx:1"), &["spec.template.spec.containers[0].image: Invalid"])]
#[case::no_image(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = Value::Null, &["spec.template.spec.containers[0].image: Invalid"])]
#[case::no_url(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("biz1-1.0.0.jar"), &["spec.template.spec.containers[0].image: Invalid"])]
#[case::no_host(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https:/repo.example.com/biz1-1.0.0.jar"), &["spec.template.spec.containers[0].image: Invalid"])]
#[case::placeholder(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/biz1-${VERSION}.jar"), &["spec.template.spec.containers[0].image: Invalid"])]
#[case::signed(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/biz1-1.0.0.jar?sig=a%2Fb"), &[])]
#[case::a_file(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("file:///opt/biz1-1.0.0.jar"), &[])]
#[case::beside_a_sidecar(
    |d: &mut Value| template_of(d)["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "proxy", "image": "envoy"})),
    &[],
)]
fn images(#[case] spoil: Spoil, #[case] refused: &[&str]) {
    let deployment = deployment(spoil);
    assert_eq!(create(Kind::Deployment, &deployment).refused(), refused, "{deployment}");
}

const NO_BASE: &str = "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required";

#[rstest]
#[case::nothing(|_: &mut Value| {}, &[NO_BASE])]
#[case::only_what_every_vnode_has(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({ENV: "dev"}), &[NO_BASE])]
#[case::only_what_no_vnode_has(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"vnode.koupleless.io/name": "base"}), &[NO_BASE])]
#[case::only_a_no(|d: &mut Value| *terms(d) = json!([{"matchExpressions": [{"key": BASE_NAME, "operator": "NotIn", "values": ["a"]}]}]), &[NO_BASE])]
#[case::only_an_empty_term(|d: &mut Value| *terms(d) = json!([{}]), &[NO_BASE])]
#[case::only_preferred(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
        json!([{"weight": 1, "preference": {"matchExpressions": [{"key": BASE_NAME, "operator": "Exists"}]}}]),
    &[NO_BASE],
)]
#[case::a_cluster(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"base.koupleless.io/cluster-name": "blue"}), &[])]
#[case::a_host(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "h1"}), &[])]
#[case::a_platforms_own_label(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"pool": "a"}), &[])]
#[case::any_base(|d: &mut Value| *terms(d) = json!([{"matchExpressions": [{"key": BASE_NAME, "operator": "Exists"}]}]), &[NO_BASE])]
#[case::any_rack(|d: &mut Value| *terms(d) = json!([{"matchExpressions": [{"key": "rack", "operator": "Exists"}]}]), &[])]
#[case::all_nodes_but_one(
    |d: &mut Value| *terms(d) = json!([{"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n"]}]}]),
    &[NO_BASE],
)]
#[case::a_node(|d: &mut Value| template_of(d)["spec"]["nodeName"] = json!("vnode.10.0.0.1.dev"), &[])]
#[case::a_label_of_the_template(|d: &mut Value| template_of(d)["metadata"]["labels"][BASE_NAME] = json!("base"), &[])]
#[case::an_annotation_of_the_workload(|d: &mut Value| d["metadata"]["annotations"][BASE_NAME] = json!("base"), &[])]
fn base_selection(#[case] choose: Spoil, #[case] refused: &[&str]) {
    let deployment = deployment(|d| {
        template_of(d)["metadata"]["annotations"] = Value::Null;
        choose(d);
    });
    assert_eq!(create(Kind::Deployment, &deployment).refused(), refused, "{deployment}");
}

#[test]
fn the_namespace_can_say_the_base() {
    let deployment = deployment(|d| template_of(d)["metadata"]["annotations"] = Value::Null);
    let reviewed = Cluster::plain().labelled(BASE_NAME, "base").create(Kind::Deployment, &deployment);
    assert_eq!(reviewed.refused(), [""; 0]);
}

#[rstest]
#[case::inject(INJECT, json!("no"), "Invalid")]
#[case::capital(INJECT, json!("False"), "Invalid")]
#[case::allow_same_version(ALLOW_SAME_VERSION, json!("yes"), "Invalid")]
#[case::own_tolerations(OWN_TOLERATIONS, json!(""), "Invalid")]
#[case::unquoted(INJECT, json!(false), "TypeInvalid")]
#[case::peer_paused(PEER_PAUSED, json!("yes"), "Invalid")]
#[case::follow(FOLLOW, json!("base"), "Invalid")]
#[case::base(BASE_VERSION, json!("1.0 or 2.0"), "Invalid")]
#[case::env(ENV, json!(""), "Invalid")]
fn annotations(
    #[case] key: &str,
    #[case] value: Value,
    #[case] fault: &str,
    #[values("", "spec.template.")] place: &str,
) {
    let deployment = deployment(|d| {
        let at = if place.is_empty() { d } else { template_of(d) };
        at["metadata"]["annotations"][key] = value;
    });
    let reviewed = create(Kind::Deployment, &deployment);
    let expected = format!("{place}metadata.annotations[{key}]: {fault}");
    assert!(reviewed.refused().contains(&expected), "{:?}", reviewed.refused());
}

#[test]
fn an_annotation_of_a_pod_is_refused_once() {
    let pod = pod(|p| p["metadata"]["annotations"][INJECT] = json!("no"));
    assert_eq!(create(Kind::Pod, &pod).refused(), [format!("metadata.annotations[{INJECT}]: Invalid")]);
}

mod limit_ranges {
    use similar_asserts::assert_eq;

    use super::*;

    const REQUESTS: &str = "spec.template.spec.containers[0].resources.requests";

    fn demanding(scope: &str, resource: &str) -> Cluster {
        Cluster::plain().limited("floor", json!([{"type": scope, "min": {resource: "1Mi"}}]))
    }

    #[rstest]
    fn what_demands_a_request_refuses_a_module(
        #[values("Container", "Pod")] scope: &str,
        #[values("cpu", "memory", "ephemeral-storage")] resource: &str,
    ) {
        let reviewed = demanding(scope, resource).create(Kind::Deployment, &deployment(|_| {}));
        assert_eq!(reviewed.refused(), [format!("{REQUESTS}[{resource}]: Invalid")]);
        let expected =
            format!("remove {resource} from min in LimitRange floor of Namespace shop; the manifest needs no change");
        assert_eq!(reviewed.verdict.violations[0].remedy, expected);
    }

    #[test]
    fn every_one_is_named() {
        let cluster = demanding("Container", "cpu")
            .limited("ratio", json!([{"type": "Container", "maxLimitRequestRatio": {"cpu": "2", "memory": "2"}}]));
        let reviewed = cluster.create(Kind::Deployment, &deployment(|_| {}));
        let problems: Vec<_> = reviewed.verdict.violations.iter().map(|it| &*it.problem).collect();
        let says = |text: &str| problems.iter().filter(|problem| problem.starts_with(text)).count();
        assert_eq!(says("LimitRange floor of the Namespace demands cpu (min)"), 1, "{problems:?}");
        assert_eq!(says("LimitRange ratio of the Namespace demands cpu (maxLimitRequestRatio)"), 1, "{problems:?}");
        assert_eq!(says("LimitRange ratio of the Namespace demands memory (maxLimitRequestRatio)"), 1, "{problems:?}");
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    /// A LimitRange whose `max` of all containers together refuses a Pod without a limit.
    fn ceiling() -> Cluster {
        Cluster::plain().limited("ceiling", json!([{"type": "Pod", "max": {"cpu": "1"}}]))
    }

    fn limited(d: &mut Value) {
        template_of(d)["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "0"}});
    }

    #[test]
    fn a_max_of_pods_refuses_a_module_without_a_limit() {
        let reviewed = ceiling().create(Kind::Deployment, &deployment(|_| {}));
        let limit = "spec.template.spec.containers[0].resources.limits[cpu]: Required";
        assert_eq!(reviewed.refused(), [limit]);
        let remedy = &reviewed.verdict.violations[0].remedy;
        assert!(remedy.contains("set it to \"0\"") && remedy.contains("to LimitRange ceiling"), "{remedy}");
    }

    #[rstest]
    #[case::limit_of_zero(ceiling(), limited)]
    #[case::limit_of_an_init_container(ceiling(), |d: &mut Value| {
        template_of(d)["spec"]["initContainers"] = json!([{"name": "i", "image": "i", "resources": {"limits": {"cpu": "0"}}}]);
    })]
    #[case::default_of_its_own(
        Cluster::plain().limited("both", json!([{"type": "Pod", "max": {"cpu": "1"}}, {"type": "Container", "default": {"cpu": "1"}}])),
        |_: &mut Value| {},
    )]
    #[case::default_of_another(
        ceiling().limited("defaults", json!([{"type": "Container", "default": {"cpu": "1"}}])),
        |_: &mut Value| {},
    )]
    #[case::max_of_containers_which_is_their_default(
        ceiling().limited("containers", json!([{"type": "Container", "max": {"cpu": "1"}}])),
        |_: &mut Value| {},
    )]
    fn a_limit_meets_a_max_of_pods(#[case] cluster: Cluster, #[case] edit: Spoil) {
        let reviewed = cluster.create(Kind::Deployment, &deployment(edit));
        assert_eq!((reviewed.refused(), reviewed.warns_of("LimitRange")), (vec![], false));
    }

    #[test]
    fn the_users_own_request_of_memory_meets_it() {
        let own = deployment(|d| {
            template_of(d)["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "64Mi"}});
        });
        assert_eq!(demanding("Container", "memory").create(Kind::Deployment, &own).refused(), [""; 0]);
    }

    #[rstest]
    #[case::opted_out(|d: &mut Value| {
        template_of(d)["metadata"]["annotations"] = json!({INJECT: "false"});
        template_of(d)["spec"]["nodeSelector"] = json!({BASE_NAME: "base"});
    })]
    #[case::owned(|d: &mut Value| d["metadata"]["ownerReferences"] = json!([{"kind": "Owner", "name": "o", "controller": true}]))]
    fn a_workload_that_warden_leaves_alone_is_not_refused_for_it(#[case] edit: Spoil) {
        assert_eq!(demanding("Container", "cpu").create(Kind::Deployment, &deployment(edit)).refused(), [""; 0]);
    }

    #[test]
    fn an_update_that_leaves_the_template_alone_is_not_refused_for_it() {
        let old = deployment(|_| {});
        let scaled = edited(old.clone(), |d| d["spec"]["replicas"] = json!(3));
        assert_eq!(demanding("Container", "cpu").update(Kind::Deployment, &old, &scaled).refused(), [""; 0]);
    }
}

#[test]
fn everything_is_said_at_once() {
    let deployment = deployment(|d| {
        d["metadata"]["annotations"][INJECT] = json!("no");
        template_of(d)["metadata"]["annotations"] = Value::Null;
        template_of(d)["metadata"]["labels"][NAME] = json!("orders");
        template_of(d)["metadata"]["labels"][VERSION] = json!("3");
        *env(d) = json!([{"name": "BIZ_VERSION", "value": "1.0:2"}, {"name": "BIZ_VERSION", "value": "2"}]);
        template_of(d)["spec"]["containers"][0]["image"] = json!("nginx:1");
    });
    let reviewed = create(Kind::Deployment, &deployment);
    assert_eq!(
        reviewed.refused(),
        [
            "spec.template.spec.containers[0].env[1]: Duplicate".to_owned(),
            "spec.template.spec.containers[0].env[0].value: Invalid".to_owned(),
            "spec.template.spec.containers[0].image: Invalid".to_owned(),
            format!("spec.template.metadata.labels[{NAME}]: Invalid"),
            format!("spec.template.metadata.labels[{VERSION}]: Invalid"),
            NO_BASE.to_owned(),
            format!("metadata.annotations[{INJECT}]: Invalid"),
        ]
    );
    for violation in &reviewed.verdict.violations {
        let message = violation.message();
        assert!(message.contains(". To fix it: ") && message.ends_with('.'), "{message}");
        assert!(!message.contains(".."), "{message}");
    }
}

#[rstest]
#[case::pod(Kind::Pod, "spec.containers[0].env")]
#[case::deployment(Kind::Deployment, "spec.template.spec.containers[0].env")]
#[case::cron_job(Kind::CronJob, "spec.jobTemplate.spec.template.spec.containers[0].env")]
fn a_field_is_named_where_it_stands_in_its_kind(#[case] kind: Kind, #[case] field: &str) {
    let object = edited(module(kind), |object| template_in(kind, object)["spec"]["containers"][0]["env"] = json!([]));
    assert_eq!(create(kind, &object).refused(), [format!("{field}: Required")]);
}

#[test]
fn a_misshapen_object_is_refused_for_its_shape_alone() {
    let deployment = deployment(|d| {
        env(d)[0]["value"] = json!(1);
        template_of(d)["spec"]["nodeSelector"] = json!({"a": true});
        template_of(d)["spec"]["containers"][0]["image"] = json!("nginx");
    });
    assert_eq!(
        create(Kind::Deployment, &deployment).refused(),
        [
            "spec.template.spec.nodeSelector[a]: TypeInvalid",
            "spec.template.spec.containers[0].env[0].value: TypeInvalid"
        ]
    );
}

mod a_template_that_is_bad_already {
    use similar_asserts::assert_eq;

    use super::*;

    fn bad() -> Value {
        deployment(|d| {
            *env(d) = json!([]);
            template_of(d)["metadata"]["annotations"] = Value::Null;
        })
    }

    #[rstest]
    #[case::scaled(|d: &mut Value| d["spec"]["replicas"] = json!(0))]
    #[case::annotated(|d: &mut Value| d["metadata"]["annotations"]["team"] = json!("a"))]
    fn does_not_hinder_an_update_that_leaves_it_alone(#[case] edit: Spoil) {
        let old = bad();
        let reviewed = update(&old, &edited(old.clone(), edit));
        assert_eq!(reviewed.refused(), [""; 0]);
        assert_eq!(reviewed.warned(), [""; 0]);
    }

    #[test]
    fn is_refused_when_it_is_touched() {
        let old = bad();
        let touched = edited(old.clone(), |d| template_of(d)["metadata"]["annotations"]["team"] = json!("a"));
        assert_eq!(update(&old, &touched).refused(), ["spec.template.spec.containers[0].env: Required", NO_BASE]);
    }

    #[test]
    fn is_refused_for_a_bad_switch_beside_it() {
        let old = bad();
        let switched = edited(old.clone(), |d| d["metadata"]["annotations"][INJECT] = json!("no"));
        assert_eq!(update(&old, &switched).refused(), [format!("metadata.annotations[{INJECT}]: Invalid")]);
    }
}

mod a_pod_that_a_controller_made {
    use similar_asserts::assert_eq;

    use super::*;

    fn owned(spoil: Spoil) -> Value {
        pod(|p| {
            p["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "orders-1", "controller": true}]);
            spoil(p);
        })
    }

    #[rstest]
    #[case::no_base(|p: &mut Value| p["metadata"]["annotations"] = Value::Null)]
    #[case::labels_at_odds(|p: &mut Value| p["metadata"]["labels"][VERSION] = json!("2"))]
    #[case::a_bad_switch(|p: &mut Value| p["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("perhaps"))]
    #[case::a_version_that_is_no_label(|p: &mut Value| p["spec"]["containers"][0]["env"][0]["value"] = json!("1.0.0+b"))]
    #[case::two_versions(|p: &mut Value| p["spec"]["containers"][0]["env"].as_array_mut().unwrap().push(json!({"name": "BIZ_VERSION", "value": "2"})))]
    #[case::a_jar_by_no_url(|p: &mut Value| p["spec"]["containers"][0]["image"] = json!("biz1-1.0.0-ark-biz.jar"))]
    fn is_not_refused_for_what_was_its_authors(#[case] spoil: Spoil) {
        assert_eq!(create(Kind::Pod, &owned(spoil)).refused(), [""; 0]);
        // while a bare one is
        let bare = edited(owned(spoil), |p| p["metadata"]["ownerReferences"] = Value::Null);
        assert_eq!(create(Kind::Pod, &bare).refused().len(), 1, "{bare}");
    }

    #[rstest]
    #[case::no_version(|p: &mut Value| p["spec"]["containers"][0]["env"] = json!([]), "spec.containers[0].env: Required")]
    #[case::colon(|p: &mut Value| p["spec"]["containers"][0]["env"][0]["value"] = json!("1:0"), "spec.containers[0].env[0].value: Invalid")]
    #[case::no_jar(|p: &mut Value| p["spec"]["containers"][0]["image"] = json!("nginx"), "spec.containers[0].image: Invalid")]
    fn is_refused_where_it_could_never_run(#[case] spoil: Spoil, #[case] refused: &str) {
        assert_eq!(create(Kind::Pod, &owned(spoil)).refused(), [refused]);
    }

    #[test]
    fn is_filled_in_like_any_other() {
        let reviewed = create(Kind::Pod, &owned(|_: &mut Value| {}));
        assert_eq!(reviewed.object["metadata"]["labels"][NAME], "biz1");
        assert!(reviewed.object["spec"]["affinity"]["podAntiAffinity"].is_object(), "{}", reviewed.object);
    }
}

#[test]
fn a_declared_base_that_is_not_filled_in_is_said_to_have_no_effect() {
    let deployment = deployment(|d| {
        d["metadata"]["annotations"] = json!({INJECT: "false", "base.koupleless.io/name": "base"});
        template_of(d)["metadata"]["annotations"] = Value::Null;
    });
    let reviewed = create(Kind::Deployment, &deployment);
    let violation = reviewed.verdict.violations.first().expect("it is refused");
    assert!(
        violation.message().contains("has no effect")
            && violation.remedy.contains("remove annotation warden.koupleless.io/inject"),
        "{violation}"
    );
}
