//! What happens to existing templates: an update that does not concern the template must not change it.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};

use crate::sample::{
    BASE_CLUSTER, BASE_NAME, BASE_VERSION, Cluster, ENV, NAME, REQUIRED, Reviewed, VERSION, applied_from, deployment,
    edited, module, release, stored, template_of, update,
};

/// The values that the required node affinity of `object` demands for `key`, term by term.
fn demanded(object: &Value, key: &str) -> Vec<Value> {
    let spec = &object["spec"]["template"]["spec"];
    let terms = &spec["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"];
    let of_term = |term: &Value| {
        let expressions = term["matchExpressions"].as_array().unwrap().clone();
        expressions.into_iter().filter(|expression| expression["key"] == key).map(|mut e| e["values"].take())
    };
    terms.as_array().unwrap().iter().flat_map(of_term).collect()
}

/// The environments that `object` tolerates.
fn envs(object: &Value) -> Vec<&str> {
    let tolerations = object["spec"]["template"]["spec"]["tolerations"].as_array().unwrap();
    let of_env = tolerations.iter().filter(|t| t["key"] == "schedule.koupleless.io/node-env");
    of_env.map(|t| t["value"].as_str().unwrap()).collect()
}

/// The versions that the required pod anti-affinity of `object` keeps apart.
fn kept_apart(object: &Value) -> Vec<&str> {
    let terms = &object["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"][REQUIRED];
    terms.as_array().unwrap().iter().map(|t| t["labelSelector"]["matchLabels"][VERSION].as_str().unwrap()).collect()
}

fn template_operations(reviewed: &Reviewed) -> Vec<String> {
    reviewed.patched().into_iter().filter(|path| path.starts_with("/spec/template")).collect()
}

mod that_leave_the_template_alone {
    use similar_asserts::assert_eq;

    use super::*;

    /// Changes that are none of the template's.
    #[rstest]
    #[case::scaled(|d: &mut Value| d["spec"]["replicas"] = json!(5))]
    #[case::annotated(|d: &mut Value| d["metadata"]["annotations"]["team"] = json!("a"))]
    #[case::paused(|d: &mut Value| d["spec"]["paused"] = json!(true))]
    #[case::unchanged(|_: &mut Value| {})]
    fn a_deployment_older_than_warden_keeps_its_template(
        #[case] edit: fn(&mut Value),
        #[values(
            Cluster::plain(),
            Cluster::plain().labelled(ENV, "prod"),
            Cluster::plain().default_env("test"),
            Cluster::plain().annotated(BASE_CLUSTER, "blue"),
            Cluster::plain().annotated(BASE_NAME, "another").annotated(BASE_VERSION, "9"),
        )]
        cluster: Cluster,
    ) {
        // Given
        let old = module(Kind::Deployment);
        let new = edited(old.clone(), edit);
        // When
        let reviewed = cluster.update(Kind::Deployment, &old, &new);
        // Then
        assert_eq!(template_operations(&reviewed), [""; 0]);
        // and also not when another webhook makes the API server ask again
        let again = cluster.update(Kind::Deployment, &old, &reviewed.object);
        assert_eq!(again.patched(), [""; 0], "{}", reviewed.object);
    }

    #[rstest]
    #[case::by_a_label("labels")]
    #[case::by_an_annotation("annotations")]
    fn nor_does_a_declaration_that_was_at_odds_with_it_before_touch_it(#[case] place: &str) {
        let old = deployment(|d| {
            d["metadata"][place][BASE_VERSION] = json!("2.0.0");
            d["metadata"][place][ENV] = json!("prod");
            template_of(d)["metadata"]["annotations"] = Value::Null;
            template_of(d)["spec"]["tolerations"] = json!([{"key": "schedule.koupleless.io/node-env", "value": "dev"}]);
            template_of(d)["spec"]["nodeSelector"] = json!({BASE_NAME: "base", BASE_VERSION: "1.0.0"});
        });
        let new = edited(old.clone(), |d| d["spec"]["replicas"] = json!(5));
        let reviewed = update(&old, &new);
        assert_eq!(template_operations(&reviewed), [""; 0]);
        assert_eq!(reviewed.refused(), [""; 0]);
    }

    #[test]
    fn replacing_an_older_one_by_its_plain_manifest_does_neither() {
        let manifest = module(Kind::Deployment);
        let old = edited(manifest.clone(), |d| d["status"] = json!({"replicas": 3}));
        assert_eq!(template_operations(&update(&old, &manifest)), [""; 0]);
    }

    #[rstest]
    #[case::plain(Cluster::plain())]
    #[case::all_from_the_namespace(Cluster::plain().labelled(ENV, "prod").annotated(BASE_CLUSTER, "blue"))]
    fn a_plain_manifest_over_an_injected_one_gives_exactly_the_old_template(
        #[case] cluster: Cluster,
        #[values(Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::CronJob)] kind: Kind,
    ) {
        let manifest = module(kind);
        let old = cluster.create(kind, &manifest);
        let replaced = cluster.update(kind, &old.object, &manifest);
        assert_eq!(replaced.template(kind).to_string(), old.template(kind).to_string());
        assert_eq!(replaced.refused(), [""; 0]);
        assert_eq!(replaced.warned(), [""; 0]);
    }

    #[test]
    fn so_does_a_manifest_with_lists_of_its_own() {
        // kubectl apply sends whole lists: what was injected into them is gone, the rest is still there
        let manifest = deployment(|d| {
            template_of(d)["spec"]["tolerations"] = json!([{"key": "dedicated", "operator": "Exists"}]);
            template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
                json!([{"matchExpressions": [{"key": "rack", "operator": "Exists"}]}]);
        });
        let old = stored(&manifest);
        let applied = edited(old.clone(), |d| {
            let plain = &manifest["spec"]["template"]["spec"];
            template_of(d)["spec"]["tolerations"] = plain["tolerations"].clone();
            template_of(d)["spec"]["affinity"]["nodeAffinity"] = plain["affinity"]["nodeAffinity"].clone();
        });
        let reviewed = update(&old, &applied);
        assert_eq!(reviewed.object.to_string(), old.to_string());
    }

    #[test]
    fn an_undone_rollout_is_left_as_it_was() {
        // Given two revisions, both injected
        let first = stored(&module(Kind::Deployment));
        let second = update(&first, &edited(first.clone(), |d| release(d, "2.0.0"))).object;
        assert_ne!(second["spec"]["template"], first["spec"]["template"]);
        // When the template of the first comes back whole, as `kubectl rollout undo` does it
        let undone = edited(second.clone(), |d| d["spec"]["template"] = first["spec"]["template"].clone());
        let reviewed = update(&second, &undone);
        // Then
        assert_eq!(reviewed.patched(), [""; 0]);
        assert_eq!(reviewed.refused(), [""; 0]);
    }
}

mod that_release_a_new_version {
    use similar_asserts::assert_eq;

    use super::*;

    #[test]
    fn bring_along_what_was_injected_for_the_old() {
        // Given
        let old = stored(&module(Kind::Deployment));
        assert_eq!(kept_apart(&old), ["1.0.0"]);
        // When
        let reviewed = update(&old, &edited(old.clone(), |d| release(d, "2.0.0")));
        // Then
        assert_eq!(reviewed.object["spec"]["template"]["metadata"]["labels"][VERSION], "2.0.0");
        assert_eq!(kept_apart(&reviewed.object), ["2.0.0"]);
        assert_eq!(reviewed.refused(), [""; 0]);
        // and it is the template that the manifest with the new version would have given
        let fresh = stored(&deployment(|d| release(d, "2.0.0")));
        assert_eq!(reviewed.object["spec"]["template"], fresh["spec"]["template"]);
    }

    #[test]
    fn bring_along_the_name_as_well() {
        let old = stored(&module(Kind::Deployment));
        let reviewed = update(
            &old,
            &edited(old.clone(), |d| {
                release(d, "2.0.0");
                template_of(d)["spec"]["containers"][0]["name"] = json!("biz2");
            }),
        );
        assert_eq!(reviewed.object["spec"]["template"]["metadata"]["labels"][NAME], "biz2");
        assert_eq!(reviewed.refused(), [""; 0]);
    }

    #[test]
    fn bring_along_what_an_update_manager_is_noted_for() {
        // `kubectl rollout undo` copies what was injected and is noted as its manager
        let old = edited(stored(&module(Kind::Deployment)), |d| witness(d, "Update"));
        let reviewed = update(&old, &edited(old.clone(), |d| release(d, "2.0.0")));
        assert_eq!(reviewed.object["spec"]["template"]["metadata"]["labels"][VERSION], "2.0.0");
    }

    #[test]
    fn leave_a_label_that_stands_in_the_applied_manifest_and_say_so() {
        let manifest = deployment(|d| template_of(d)["metadata"]["labels"][VERSION] = json!("1.0.0"));
        let old = stored(&manifest);
        let next = edited(manifest, |d| release(d, "2.0.0"));
        let reviewed = update(&old, &applied_from(edited(old.clone(), |d| release(d, "2.0.0")), &next));
        assert_eq!(reviewed.object["spec"]["template"]["metadata"]["labels"][VERSION], "1.0.0");
        assert_eq!(reviewed.refused(), [format!("spec.template.metadata.labels[{VERSION}]: Invalid")]);
    }

    #[test]
    fn leave_a_label_that_a_server_side_apply_set() {
        let old = edited(stored(&module(Kind::Deployment)), |d| witness(d, "Apply"));
        let reviewed = update(&old, &edited(old.clone(), |d| release(d, "2.0.0")));
        assert_eq!(reviewed.object["spec"]["template"]["metadata"]["labels"][VERSION], "1.0.0");
        assert_eq!(reviewed.refused(), [format!("spec.template.metadata.labels[{VERSION}]: Invalid")]);
    }

    #[test]
    fn leave_a_label_that_was_not_there_before() {
        // Given a Deployment older than warden
        let old = module(Kind::Deployment);
        // When the user writes the label of the old version into the new template
        let new = edited(old.clone(), |d| {
            release(d, "2.0.0");
            template_of(d)["metadata"]["labels"][VERSION] = json!("1.0.0");
        });
        // Then it was not warden
        assert_eq!(update(&old, &new).refused(), [format!("spec.template.metadata.labels[{VERSION}]: Invalid")]);
    }

    #[rstest]
    #[case::labels(json!({"matchLabels": {VERSION: "1.0.0"}}))]
    #[case::expressions(json!({"matchExpressions": [{"key": VERSION, "operator": "In", "values": ["1.0.0"]}]}))]
    fn leave_a_label_that_the_selector_demands(#[case] selector: Value) {
        let old = stored(&deployment(|d| d["spec"]["selector"] = selector));
        let reviewed = update(&old, &edited(old.clone(), |d| release(d, "2.0.0")));
        assert_eq!(reviewed.object["spec"]["template"]["metadata"]["labels"][VERSION], "1.0.0");
        assert_eq!(reviewed.refused(), [format!("spec.template.metadata.labels[{VERSION}]: Invalid")]);
        let remedy = &reviewed.verdict.violations[0].remedy;
        assert!(remedy.contains("needs its own Deployment"), "{remedy}");
        // and what is kept apart stays with the label, so that a second review finds nothing to do
        assert_eq!(kept_apart(&reviewed.object), ["1.0.0"]);
        assert_eq!(update(&old, &reviewed.object).patched(), [""; 0]);
    }

    #[test]
    fn leave_a_term_that_stands_in_the_applied_manifest_and_add_their_own() {
        let manifest = deployment(|d| {
            template_of(d)["spec"]["affinity"] =
                stored(&module(Kind::Deployment))["spec"]["template"]["spec"]["affinity"].clone();
        });
        let old = stored(&manifest);
        let reviewed = update(&old, &applied_from(edited(old.clone(), |d| release(d, "2.0.0")), &manifest));
        assert_eq!(kept_apart(&reviewed.object), ["1.0.0", "2.0.0"]);
    }

    fn witness(deployment: &mut Value, operation: &str) {
        deployment["metadata"]["managedFields"] = json!([{
            "manager": "somebody",
            "operation": operation,
            "fieldsV1": {"f:spec": {"f:template": {"f:metadata": {"f:labels": {format!("f:{VERSION}"): {}}}}}},
        }]);
    }
}

mod that_declare_something_else {
    use similar_asserts::assert_eq;

    use super::*;

    /// Where a declaration can stand.
    fn declare(deployment: &mut Value, place: &str, key: &str, value: &str) {
        match place {
            "template" => template_of(deployment)["metadata"]["annotations"][key] = json!(value),
            _ => deployment["metadata"]["annotations"][key] = json!(value),
        }
    }

    fn declaring(place: &str, key: &str, value: &str) -> Value {
        deployment(|d| declare(d, place, key, value))
    }

    #[rstest]
    fn environment_tolerations_and_labels_follow(#[values("template", "workload")] place: &str) {
        // Given
        let old = stored(&declaring(place, ENV, "dev"));
        // When
        let reviewed = update(&old, &edited(old.clone(), |d| declare(d, place, ENV, "prod")));
        // Then
        assert_eq!(envs(&reviewed.object), ["prod"]);
        assert_eq!(reviewed.object["metadata"]["labels"][ENV], "prod");
        assert!(reviewed.warns_of("dev -> prod"), "{:?}", reviewed.warned());
        assert_eq!(update(&old, &reviewed.object).patched(), [""; 0]);
    }

    #[rstest]
    fn also_where_the_environment_was_the_clusters_before(#[values("template", "workload")] place: &str) {
        let old = stored(&module(Kind::Deployment));
        assert_eq!(envs(&old), ["dev"]);
        let reviewed = update(&old, &edited(old.clone(), |d| declare(d, place, ENV, "prod")));
        assert_eq!(envs(&reviewed.object), ["prod"]);
        assert_eq!(reviewed.object["metadata"]["labels"][ENV], "prod");
    }

    #[rstest]
    #[case::name(BASE_NAME)]
    #[case::version(BASE_VERSION)]
    #[case::cluster(BASE_CLUSTER)]
    fn the_affinity_follows(#[case] key: &str, #[values("template", "workload")] place: &str) {
        // Given a declaration, and an affinity made from it
        let plain = deployment(|d| template_of(d)["metadata"]["annotations"] = Value::Null);
        let old = stored(&edited(plain, |d| declare(d, place, key, "one")));
        assert_eq!(demanded(&old, key), [json!(["one"])]);
        // When it changes
        let reviewed = update(&old, &edited(old.clone(), |d| declare(d, place, key, "two")));
        // Then
        assert_eq!(demanded(&reviewed.object, key), [json!(["two"])]);
        assert!(reviewed.warns_of("one -> two"), "{:?}", reviewed.warned());
        if key == BASE_CLUSTER {
            assert_eq!(reviewed.object["metadata"]["labels"][key], "two");
        }
        assert_eq!(update(&old, &reviewed.object).patched(), [""; 0]);
    }

    #[test]
    fn the_label_of_the_cluster_follows_the_users_own_affinity() {
        // Given a cluster that the user's node selector demands, and a label made from it
        let old = stored(&deployment(|d| template_of(d)["spec"]["nodeSelector"] = json!({BASE_CLUSTER: "one"})));
        assert_eq!(old["metadata"]["labels"][BASE_CLUSTER], "one");
        // When the selector demands another
        let new = edited(old.clone(), |d| template_of(d)["spec"]["nodeSelector"][BASE_CLUSTER] = json!("two"));
        let reviewed = update(&old, &new);
        // Then ModuleController finds the workload under that one, and nothing is said to be overruled
        assert_eq!(reviewed.object["metadata"]["labels"][BASE_CLUSTER], "two");
        assert!(!reviewed.warns_of("which wins"), "{:?}", reviewed.warned());
        // When it demands none any more, then the label does not demand it in its stead
        let free = edited(old.clone(), |d| template_of(d)["spec"]["nodeSelector"] = json!({}));
        let reviewed = update(&old, &free);
        assert_eq!(reviewed.object["metadata"]["labels"].get(BASE_CLUSTER), None);
        assert_eq!(demanded(&reviewed.object, BASE_CLUSTER), [Value::Null; 0]);
    }

    #[test]
    fn every_term_follows_and_it_is_said_once() {
        let old = stored(&deployment(|d| {
            template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = json!([
                {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["a"]}]},
                {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["b"]}]},
            ]);
        }));
        let reviewed = update(&old, &edited(old.clone(), |d| declare(d, "template", BASE_VERSION, "2.0.0")));
        assert_eq!(demanded(&reviewed.object, BASE_VERSION), [json!(["2.0.0"]), json!(["2.0.0"])]);
        let said = reviewed.warned().into_iter().filter(|text| text.contains("1.0.0 -> 2.0.0")).count();
        assert_eq!(said, 1, "{:?}", reviewed.warned());
    }

    #[test]
    fn an_affinity_of_the_users_own_does_not_and_is_said_to_win() {
        let manifest = deployment(|d| {
            template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
                json!([{"matchExpressions": [{"key": BASE_VERSION, "operator": "In", "values": ["1.0.0"]}]}]);
        });
        let old = stored(&manifest);
        let next = edited(manifest, |d| declare(d, "template", BASE_VERSION, "2.0.0"));
        let live = edited(old.clone(), |d| declare(d, "template", BASE_VERSION, "2.0.0"));
        let reviewed = update(&old, &applied_from(live, &next));
        assert_eq!(demanded(&reviewed.object, BASE_VERSION), [json!(["1.0.0"])]);
        assert!(reviewed.warns_of("which wins"), "{:?}", reviewed.warned());
    }

    #[test]
    fn a_toleration_of_the_users_own_does_not() {
        let own = json!({"key": "schedule.koupleless.io/node-env", "operator": "Equal", "value": "dev", "effect": "NoExecute"});
        let manifest = deployment(|d| {
            template_of(d)["spec"]["tolerations"] = json!([own]);
            declare(d, "template", ENV, "dev");
        });
        let old = stored(&manifest);
        let next = edited(manifest, |d| declare(d, "template", ENV, "prod"));
        let live = edited(old.clone(), |d| declare(d, "template", ENV, "prod"));
        let reviewed = update(&old, &applied_from(live, &next));
        assert_eq!(envs(&reviewed.object), ["dev"]);
    }

    #[test]
    fn an_environment_that_the_pod_spec_demands_rules_over_a_declaration() {
        let old = stored(&deployment(|d| template_of(d)["spec"]["nodeSelector"] = json!({ENV: "dev"})));
        let reviewed = update(&old, &edited(old.clone(), |d| declare(d, "template", ENV, "prod")));
        assert_eq!(envs(&reviewed.object), ["dev"]);
        assert_eq!(reviewed.object["metadata"]["labels"][ENV], "dev");
        // and everything follows it
        let moved = update(&old, &edited(old.clone(), |d| template_of(d)["spec"]["nodeSelector"][ENV] = json!("prod")));
        assert_eq!(envs(&moved.object), ["prod"]);
        assert_eq!(moved.object["metadata"]["labels"][ENV], "prod");
    }

    #[test]
    fn a_label_of_the_users_own_on_the_workload_does_not() {
        let manifest = edited(declaring("template", ENV, "dev"), |d| d["metadata"]["labels"][ENV] = json!("dev"));
        let old = stored(&manifest);
        let next = edited(manifest, |d| declare(d, "template", ENV, "prod"));
        let live = edited(old.clone(), |d| declare(d, "template", ENV, "prod"));
        let reviewed = update(&old, &applied_from(live, &next));
        assert_eq!(reviewed.object["metadata"]["labels"][ENV], "dev");
        assert_eq!(envs(&reviewed.object), ["prod"]);
    }

    #[test]
    fn declaring_what_the_pod_spec_demands_already_touches_nothing() {
        // Given a Deployment older than warden
        let old = deployment(|d| template_of(d)["spec"]["nodeSelector"] = json!({BASE_CLUSTER: "blue", ENV: "prod"}));
        // When its workload is labelled with what its template says anyway
        let new = edited(old.clone(), |d| d["metadata"]["labels"] = json!({BASE_CLUSTER: "blue", ENV: "prod"}));
        // Then
        assert_eq!(update(&old, &new).patched(), [""; 0]);
    }

    #[test]
    fn taking_a_declaration_away_changes_nothing() {
        let old = stored(&declaring("workload", BASE_CLUSTER, "blue"));
        let new = edited(old.clone(), |d| d["metadata"]["annotations"] = json!({}));
        assert_eq!(template_operations(&update(&old, &new)), [""; 0]);
    }

    #[test]
    fn a_new_declaration_reaches_a_deployment_older_than_warden_with_a_new_version_only() {
        let old = deployment(|d| template_of(d)["metadata"]["annotations"] = Value::Null);
        let new = edited(old.clone(), |d| declare(d, "workload", BASE_NAME, "base"));
        // The Pods that run carry no labels by which the new ones could be kept off their bases.
        assert_eq!(update(&old, &new).refused(), ["spec.template.spec.containers[0].env: Forbidden"]);
        let reviewed = update(&old, &edited(new, |d| release(d, "2.0.0")));
        assert_eq!(demanded(&reviewed.object, BASE_NAME), [json!(["base"])]);
        assert_eq!(reviewed.refused(), [""; 0]);
    }

    #[test]
    fn one_that_comes_back_and_is_overruled_is_told_so() {
        // Given a module whose declaration was taken away, its affinity still there
        let plain = deployment(|d| template_of(d)["metadata"]["annotations"] = Value::Null);
        let declared = stored(&edited(plain, |d| declare(d, "workload", BASE_VERSION, "1.0.0")));
        let old = edited(declared, |d| d["metadata"]["annotations"] = json!({}));
        // When it is declared again, otherwise
        let reviewed = update(&old, &edited(old.clone(), |d| declare(d, "workload", BASE_VERSION, "3.0.0")));
        // Then
        assert_eq!(demanded(&reviewed.object, BASE_VERSION), [json!(["1.0.0"])]);
        assert!(
            reviewed.warns_of("is declared as 3.0.0, but the pod spec requires 1.0.0, which wins"),
            "{:?}",
            reviewed.warned()
        );
    }

    #[test]
    fn a_job_is_not_given_what_comes_too_late_for_it() {
        let job = Cluster::plain().create(Kind::Job, &module(Kind::Job)).object;
        let new = edited(job.clone(), |job| job["metadata"]["labels"][ENV] = json!("gray"));
        assert_eq!(Cluster::plain().update(Kind::Job, &job, &new).patched(), [""; 0]);
    }
}

mod that_undo_a_rollout {
    use similar_asserts::assert_eq;

    use super::*;

    /// Complete as it is: from before warden.
    fn old_revision() -> Value {
        deployment(|d| {
            template_of(d)["spec"]["nodeSelector"] = json!({BASE_NAME: "base"});
            template_of(d)["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        })
    }

    fn in_mid_rollout() -> Value {
        let mut d = stored(&edited(old_revision(), |d| release(d, "2.0.0")));
        d["status"] = json!({"replicas": 4, "updatedReplicas": 1});
        d
    }

    fn with_template_of(deployment: &Value, other: &Value) -> Value {
        edited(deployment.clone(), |d| d["spec"]["template"] = other["spec"]["template"].clone())
    }

    #[test]
    fn a_revision_older_than_warden_comes_back_as_it_was() {
        // Given a release over a revision from before warden, in mid-rollout
        let old = in_mid_rollout();
        // When that revision's template is sent back
        let reviewed = update(&old, &with_template_of(&old, &old_revision()));
        // Then it is left alone, so that its ReplicaSet is recognised
        assert_eq!(template_operations(&reviewed), [""; 0]);
        assert_eq!(reviewed.refused(), [""; 0]);
    }

    #[test]
    fn a_plain_manifest_applied_again_in_mid_rollout_is_filled_in_as_before() {
        let old = in_mid_rollout();
        let plain = with_template_of(&old, &edited(old_revision(), |d| release(d, "2.0.0")));
        let reviewed = update(&old, &plain);
        assert_eq!(reviewed.object["spec"]["template"], old["spec"]["template"]);
    }

    #[test]
    fn once_it_is_through_an_older_revision_is_filled_in() {
        let old = edited(in_mid_rollout(), |d| d["status"] = json!({"replicas": 3, "updatedReplicas": 3}));
        let reviewed = update(&old, &with_template_of(&old, &old_revision()));
        assert_eq!(reviewed.object["spec"]["template"]["metadata"]["labels"][VERSION], "1.0.0");
    }
}

mod of_a_bare_pod {
    use similar_asserts::assert_eq;

    use super::*;

    fn manifest() -> Value {
        crate::sample::pod(|p| {
            p["spec"]["tolerations"] = json!([{"key": "dedicated", "operator": "Exists"}]);
            p["spec"]["affinity"] = json!({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["a"]}]},
            ]}}});
        })
    }

    /// As the cluster has it once it is scheduled, its tolerations in another order than we would write them.
    fn running() -> Value {
        let mut pod = Cluster::plain().create(Kind::Pod, &manifest()).object;
        pod["spec"]["tolerations"].as_array_mut().unwrap().reverse();
        pod["spec"]["nodeName"] = json!("vnode.10.0.0.1.dev");
        pod
    }

    /// As we see it: the in-tree tolerations are there again.
    fn sent_again(running: &Value, manifest: &Value) -> Value {
        edited(running.clone(), |p| {
            for list in ["tolerations", "affinity"] {
                p["spec"][list] = manifest["spec"][list].clone();
            }
            let in_tree = ["not-ready", "unreachable"].map(|what| {
                let key = format!("node.kubernetes.io/{what}");
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
            });
            p["spec"]["tolerations"].as_array_mut().unwrap().extend(in_tree);
        })
    }

    #[test]
    fn its_lists_sent_again_come_to_what_it_was_made_with() {
        let old = running();
        let reviewed = Cluster::plain().update(Kind::Pod, &old, &sent_again(&old, &manifest()));
        assert_eq!(reviewed.object, old);
        assert_eq!(Cluster::plain().update(Kind::Pod, &old, &reviewed.object).patched(), [""; 0]);
    }

    #[test]
    fn it_may_be_given_one_more_toleration() {
        let old = running();
        let more = json!({"key": "gpu", "operator": "Exists"});
        let new = edited(manifest(), |p| p["spec"]["tolerations"].as_array_mut().unwrap().push(more.clone()));
        let reviewed = Cluster::plain().update(Kind::Pod, &old, &sent_again(&old, &new));
        let mut expected = old["spec"]["tolerations"].as_array().unwrap().clone();
        expected.push(more);
        assert_eq!(reviewed.object["spec"]["tolerations"], json!(expected));
    }

    #[test]
    fn a_pod_that_was_made_bound_or_before_warden_is_given_nothing() {
        let old = edited(manifest(), |p| p["spec"]["nodeName"] = json!("vnode.10.0.0.1.dev"));
        let new = edited(old.clone(), |p| p["metadata"]["labels"]["a"] = json!("b"));
        assert_eq!(Cluster::plain().update(Kind::Pod, &old, &new).patched(), [""; 0]);
    }
}
