//! What happens to existing templates: they stay as their author wrote them, but for the placement annotation.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};

use crate::sample::{
    BASE_CLUSTER, BASE_NAME, BASE_VERSION, Cluster, ENV, PLACEMENT, REQUIRED, Reviewed, STRATEGY, deployment, edited,
    module, release, template_in, template_of, update,
};

fn template_operations(reviewed: &Reviewed) -> Vec<String> {
    reviewed.patched().into_iter().filter(|path| path.starts_with("/spec/template")).collect()
}

/// A Deployment whose template says nothing of a base.
fn homeless(edit: impl FnOnce(&mut Value)) -> Value {
    deployment(|d| {
        template_of(d)["metadata"]["annotations"] = Value::Null;
        edit(d);
    })
}

/// A Deployment from before warden, which runs as it is written.
fn old_hand(edit: impl FnOnce(&mut Value)) -> Value {
    homeless(|d| {
        template_of(d)["spec"]["nodeSelector"] = json!({BASE_NAME: "base"});
        template_of(d)["spec"]["tolerations"] = json!([
            {"key": "schedule.koupleless.io/virtual-node", "operator": "Exists"},
            {"key": "schedule.koupleless.io/node-env", "operator": "Equal", "value": "dev", "effect": "NoExecute"},
        ]);
        edit(d);
    })
}

mod that_leave_the_template_alone {
    use similar_asserts::assert_eq;

    use super::*;

    fn clusters() -> [Cluster; 5] {
        [
            Cluster::plain(),
            Cluster::plain().labelled(ENV, "prod"),
            Cluster::plain().default_env("test"),
            Cluster::plain().annotated(BASE_CLUSTER, "blue"),
            Cluster::plain().annotated(BASE_NAME, "another").annotated(BASE_VERSION, "9"),
        ]
    }

    /// Changes that are none of the template's.
    #[rstest]
    #[case::scaled(|d: &mut Value| d["spec"]["replicas"] = json!(5))]
    #[case::annotated(|d: &mut Value| d["metadata"]["annotations"]["team"] = json!("a"))]
    #[case::paused(|d: &mut Value| d["spec"]["paused"] = json!(true))]
    #[case::unchanged(|_: &mut Value| {})]
    fn change_it_in_no_world(#[case] edit: fn(&mut Value)) {
        for before in clusters() {
            for after in clusters() {
                let from_before_warden = [module(Kind::Deployment), old_hand(|_| {})];
                let stored = before
                    .create(Kind::Deployment, &homeless(|d| d["metadata"]["annotations"][BASE_NAME] = json!("a")));
                for old in from_before_warden.into_iter().chain([stored.object]) {
                    let reviewed = after.update(Kind::Deployment, &old, &edited(old.clone(), edit));
                    assert_eq!(template_operations(&reviewed), [""; 0]);
                    assert_eq!(reviewed.refused(), [""; 0]);
                }
            }
        }
    }

    #[rstest]
    fn a_plain_manifest_sent_again_gives_exactly_the_old_object(
        #[values(0, 1, 2, 3, 4)] before: usize,
        #[values(Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::CronJob, Kind::CloneSet)] kind: Kind,
        #[values("replace", "apply", "apply with lists of its own")] how: &str,
    ) {
        // Given a manifest that some cluster has stored
        let own_lists = how == "apply with lists of its own";
        let manifest = edited(module(kind), |object| {
            if own_lists {
                let spec = &mut template_in(kind, object)["spec"];
                spec["tolerations"] = json!([{"key": "dedicated", "operator": "Exists"}]);
                spec["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
                    json!([{"matchExpressions": [{"key": "rack", "operator": "Exists"}]}]);
            }
        });
        let old = clusters()[before].create(kind, &manifest);
        // When it is sent again: kubectl replace sends only what the user wrote, kubectl apply sends it over what is there
        let sent = match how {
            "replace" => manifest.clone(),
            _ => edited(old.object.clone(), |object| {
                for list in ["tolerations", "affinity"] {
                    let written = template_in(kind, &mut manifest.clone())["spec"][list].clone();
                    if !written.is_null() {
                        template_in(kind, object)["spec"][list] = written;
                    }
                }
            }),
        };
        for after in clusters() {
            let reviewed = after.update(kind, &old.object, &sent);
            // Then it is stored as it was, whatever the Namespace and the configuration say by now
            assert_eq!(reviewed.template(kind).to_string(), old.template(kind).to_string(), "{sent}");
            assert_eq!((reviewed.refused(), reviewed.warned()), (vec![], vec![]));
        }
    }

    #[test]
    fn a_label_on_a_workload_from_before_warden_rolls_nothing_out() {
        let old = old_hand(|_| {});
        let labelled = edited(old.clone(), |d| {
            d["metadata"]["labels"] = json!({STRATEGY: "peer", BASE_CLUSTER: "blue", ENV: "dev"});
        });
        assert_eq!(template_operations(&update(&old, &labelled)), [""; 0]);
    }
}

mod that_release_a_new_version {
    use similar_asserts::assert_eq;

    use super::*;

    #[rstest]
    #[case::plain(module(Kind::Deployment))]
    #[case::from_before_warden(old_hand(|_| {}))]
    fn change_what_the_user_changed(#[case] manifest: Value) {
        let old = Cluster::plain().create(Kind::Deployment, &manifest).object;
        let released = edited(old.clone(), |d| release(d, "2.0.0"));
        let reviewed = update(&old, &released);
        assert_eq!((reviewed.object, reviewed.verdict.violations), (released, vec![]));
        assert_eq!(reviewed.pod["metadata"]["labels"]["module.warden.koupleless.io/biz1"], "2.0.0");
    }

    #[test]
    fn keep_what_the_namespace_and_the_configuration_said() {
        // Given
        let before = Cluster::plain().annotated(BASE_NAME, "a").default_env("dev");
        let old = before.create(Kind::Deployment, &homeless(|_| {})).object;
        // When these say something else, and a version is released
        let after = Cluster::plain().annotated(BASE_NAME, "b").annotated(BASE_VERSION, "2").default_env("prod");
        let reviewed = after.update(Kind::Deployment, &old, &edited(old.clone(), |d| release(d, "2.0.0")));
        // Then
        assert_eq!(reviewed.placement(Kind::Deployment), json!({"env": "dev", "name": "a"}));
        assert_eq!(after.update(Kind::Deployment, &old, &reviewed.object).patched(), [""; 0]);
        // And where the annotation is taken away with it, they are asked again
        let anew = edited(old.clone(), |d| {
            release(d, "2.0.0");
            template_of(d)["metadata"]["annotations"] = json!({});
        });
        let reviewed = after.update(Kind::Deployment, &old, &anew);
        assert_eq!(reviewed.placement(Kind::Deployment), json!({"env": "prod", "name": "b", "version": "2"}));
        assert_eq!(after.update(Kind::Deployment, &old, &reviewed.object).patched(), [""; 0]);
    }

    #[test]
    fn that_say_the_base_themselves_lose_the_annotation() {
        let old = Cluster::plain().annotated(BASE_NAME, "base").create(Kind::Deployment, &homeless(|_| {})).object;
        let own = edited(old_hand(|d| release(d, "2.0.0")), |d| {
            template_of(d)["metadata"]["annotations"][PLACEMENT] =
                old["spec"]["template"]["metadata"]["annotations"][PLACEMENT].clone();
        });
        let reviewed = Cluster::plain().annotated(BASE_NAME, "base").update(Kind::Deployment, &old, &own);
        assert_eq!(reviewed.placement(Kind::Deployment), Value::Null);
    }
}

mod that_declare_something_else {
    use similar_asserts::assert_eq;

    use super::*;

    #[rstest]
    #[case::env(ENV, "env")]
    #[case::name(BASE_NAME, "name")]
    #[case::version(BASE_VERSION, "version")]
    #[case::cluster(BASE_CLUSTER, "cluster")]
    fn on_the_workload_are_followed(
        #[case] key: &str,
        #[case] field: &str,
        #[values("labels", "annotations")] place: &str,
    ) {
        let declares = |value: &str| {
            homeless(|d| {
                d["metadata"]["annotations"] = json!({BASE_NAME: "base"});
                d["metadata"]["annotations"][key] = Value::Null;
                d["metadata"][place][key] = json!(value);
            })
        };
        let old = update(&declares("one"), &declares("one"));
        let old = Cluster::plain().create(Kind::Deployment, &edited(old.object, |_| {}));
        assert_eq!(old.placement(Kind::Deployment)[field], "one");
        let reviewed = update(&old.object, &edited(old.object.clone(), |d| d["metadata"][place][key] = json!("two")));
        assert_eq!(reviewed.placement(Kind::Deployment)[field], "two");
        assert_eq!(update(&old.object, &reviewed.object).patched(), [""; 0]);
    }

    #[test]
    fn leave_to_the_namespace_what_it_said_before() {
        // Given a base of which the workload declares the name, and the Namespace the version
        let cluster = Cluster::plain().annotated(BASE_VERSION, "9");
        let manifest = |name: &str| homeless(|d| d["metadata"]["annotations"][BASE_NAME] = json!(name));
        let old = cluster.create(Kind::Deployment, &manifest("a"));
        assert_eq!(old.placement(Kind::Deployment), json!({"env": "dev", "name": "a", "version": "9"}));
        // When another name is declared, also with the placement that is on the template
        let carried = edited(old.object.clone(), |d| d["metadata"]["annotations"][BASE_NAME] = json!("b"));
        for sent in [carried, manifest("b")] {
            // Then the version stays that of the Namespace
            let reviewed = cluster.update(Kind::Deployment, &old.object, &sent);
            assert_eq!(reviewed.placement(Kind::Deployment), json!({"env": "dev", "name": "b", "version": "9"}));
        }
    }

    #[test]
    fn than_the_pod_spec_demands_are_told_so() {
        let old = Cluster::plain().create(Kind::Deployment, &old_hand(|_| {})).object;
        let reviewed = update(&old, &edited(old.clone(), |d| d["metadata"]["annotations"][BASE_NAME] = json!("other")));
        assert_eq!(template_operations(&reviewed), [""; 0]);
        assert!(reviewed.warns_of("but the pod spec requires base, which wins"), "{:?}", reviewed.warned());
    }

    #[test]
    fn come_too_late_for_a_job_that_has_started() {
        let job = edited(module(Kind::Job), |job| template_in(Kind::Job, job)["metadata"]["annotations"] = Value::Null);
        let declares = |job: &Value| edited(job.clone(), |job| job["metadata"]["labels"][ENV] = json!("gray"));
        let stored = Cluster::plain().annotated(BASE_NAME, "a").create(Kind::Job, &job).object;
        assert_eq!(Cluster::plain().update(Kind::Job, &stored, &declares(&stored)).patched(), [""; 0]);
        // and reach one that is suspended and patched
        let suspended = edited(stored, |job| job["spec"]["suspend"] = json!(true));
        let patched = edited(declares(&suspended), |job| {
            template_in(Kind::Job, job)["spec"]["nodeSelector"] = json!({"rack": "a"});
        });
        let reviewed = Cluster::plain().update(Kind::Job, &suspended, &patched);
        assert_eq!(reviewed.placement(Kind::Job)["env"], "gray");
    }
}

mod that_go_back {
    use similar_asserts::assert_eq;

    use super::*;

    /// Given a first revision, and a second with another version and another declared base.
    fn two_revisions(first: &Value, declare: fn(&mut Value)) -> (Value, Value, Cluster) {
        let first_stored = Cluster::plain().create(Kind::Deployment, first).object;
        let second = edited(first_stored.clone(), |d| {
            release(d, "2.0.0");
            declare(d);
        });
        let second = update(&first_stored, &second).object;
        let cluster = Cluster::plain().revision(Kind::Deployment, &first_stored).revision(Kind::Deployment, &second);
        (first_stored, second, cluster)
    }

    const DECLARATIONS: [fn(&mut Value); 3] = [
        |_| {},
        |d| d["metadata"]["annotations"][BASE_NAME] = json!("other"),
        |d| d["metadata"]["labels"][BASE_NAME] = json!("other"),
    ];

    fn firsts() -> [Value; 4] {
        [
            module(Kind::Deployment),
            old_hand(|_| {}),
            homeless(|d| d["metadata"]["annotations"][BASE_NAME] = json!("base")),
            homeless(|d| d["metadata"]["labels"][BASE_NAME] = json!("base")),
        ]
    }

    #[rstest]
    fn get_the_template_of_their_revision_back(#[values(0, 1, 2)] declared: usize, #[values(0, 1, 2, 3)] first: usize) {
        let (first, second, cluster) = two_revisions(&firsts()[first], DECLARATIONS[declared]);
        // When it is undone: the template comes back, and the annotations of the ReplicaSet, but not the labels
        let undone = edited(second.clone(), |d| {
            d["spec"]["template"] = first["spec"]["template"].clone();
            d["metadata"]["annotations"] = first["metadata"]["annotations"].clone();
        });
        let undone = cluster.update(Kind::Deployment, &second, &undone);
        assert_eq!(undone.object["spec"]["template"], first["spec"]["template"]);
        assert_eq!(undone.refused(), [""; 0]);
        // When the first manifest is applied over the second instead, or replaces it
        let carried = edited(first.clone(), |d| {
            if let Some(annotation) = second["spec"]["template"]["metadata"]["annotations"].get(PLACEMENT) {
                template_of(d)["metadata"]["annotations"][PLACEMENT] = annotation.clone();
            }
        });
        let written = edited(first.clone(), |d| {
            let annotations = template_of(d)["metadata"]["annotations"].as_object_mut();
            annotations.map(|annotations| annotations.remove(PLACEMENT));
        });
        for sent in [carried, written] {
            let applied = cluster.update(Kind::Deployment, &second, &sent);
            let expected = &first["spec"]["template"]["metadata"]["annotations"][PLACEMENT];
            assert_eq!(&applied.object["spec"]["template"]["metadata"]["annotations"][PLACEMENT], expected, "{sent}");
            assert_eq!(cluster.update(Kind::Deployment, &second, &applied.object).patched(), [""; 0]);
        }
    }

    #[test]
    fn to_a_revision_from_before_warden_do_so_whatever_came_between() {
        // Given a template from before warden, and then a plain manifest of the next version
        let first = old_hand(|_| {});
        let plain = homeless(|d| {
            d["metadata"]["annotations"][BASE_NAME] = json!("base");
            release(d, "2.0.0");
        });
        let cluster = Cluster::plain().revision(Kind::Deployment, &first);
        let second = cluster.update(Kind::Deployment, &first, &plain).object;
        // When the first is applied again, with what the second left on the template
        let cluster = cluster.revision(Kind::Deployment, &second);
        let applied = edited(first.clone(), |d| {
            template_of(d)["metadata"]["annotations"][PLACEMENT] =
                second["spec"]["template"]["metadata"]["annotations"][PLACEMENT].clone();
        });
        let reviewed = cluster.update(Kind::Deployment, &second, &applied);
        // Then its ReplicaSet is used again
        assert_eq!(reviewed.placement(Kind::Deployment), Value::Null);
        assert_eq!(reviewed.refused(), [""; 0]);
    }
}

mod of_a_daemon_set {
    use similar_asserts::assert_eq;

    use super::*;

    const KIND: Kind = Kind::DaemonSet;

    fn declaring(place: &str, name: &str) -> Value {
        edited(module(KIND), |object| {
            template_in(KIND, object)["metadata"]["annotations"] = Value::Null;
            let at = if place == "template" { template_in(KIND, object) } else { object };
            at["metadata"]["annotations"][BASE_NAME] = json!(name);
        })
    }

    fn demanded(object: &Value) -> &Value {
        &object["spec"]["template"]["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]
    }

    #[rstest]
    fn the_template_says_the_base_and_follows_its_declaration(#[values("template", "workload")] place: &str) {
        let base = |name: &str| json!([{"matchExpressions": [{"key": BASE_NAME, "operator": "In", "values": [name]}]}]);
        // Given
        let old = Cluster::plain().create(KIND, &declaring(place, "a"));
        assert_eq!(*demanded(&old.object), base("a"));
        assert_eq!(old.object["spec"]["template"]["spec"]["tolerations"].as_array().unwrap().len(), 2);
        // When the declaration changes on what is stored, or in the manifest
        let live = edited(old.object.clone(), |object| {
            let at = if place == "template" { template_in(KIND, object) } else { object };
            at["metadata"]["annotations"][BASE_NAME] = json!("b");
        });
        for sent in [live, declaring(place, "b")] {
            let reviewed = Cluster::plain().update(KIND, &old.object, &sent);
            // Then the template follows, and a second review finds nothing to do
            assert_eq!(*demanded(&reviewed.object), base("b"));
            assert_eq!(Cluster::plain().update(KIND, &old.object, &reviewed.object).patched(), [""; 0]);
        }
    }

    #[test]
    fn that_selects_by_itself_from_now_on_keeps_nothing_of_the_placement() {
        let old = Cluster::plain().create(KIND, &declaring("workload", "a"));
        let own = edited(old.object.clone(), |object| {
            object["metadata"]["annotations"] = json!({});
            template_in(KIND, object)["spec"]["nodeSelector"] = json!({BASE_NAME: "b"});
            template_in(KIND, object)["spec"]["tolerations"].as_array_mut().unwrap().push(json!(
                {"key": "schedule.koupleless.io/node-env", "operator": "Equal", "value": "prod", "effect": "NoExecute"}
            ));
        });
        let reviewed = Cluster::plain().update(KIND, &old.object, &own);
        let spec = &reviewed.object["spec"]["template"]["spec"];
        assert_eq!(spec["affinity"], Value::Null);
        let envs = spec["tolerations"].as_array().unwrap().iter().map(|it| it["value"].as_str().unwrap());
        assert_eq!(envs.collect::<Vec<_>>(), ["True", "prod"]);
    }

    #[test]
    fn from_before_warden_stays_as_it_is() {
        let spec = old_hand(|_| {})["spec"]["template"]["spec"].clone();
        let old = edited(module(KIND), |object| {
            template_in(KIND, object)["metadata"]["annotations"] = Value::Null;
            template_in(KIND, object)["spec"] = spec;
        });
        let cluster = Cluster::plain().annotated(BASE_VERSION, "9");
        let released = edited(old.clone(), |object| release(object, "2.0.0"));
        for (before, after) in [(None, &old), (Some(&old), &released)] {
            let reviewed = match before {
                None => cluster.create(KIND, after),
                Some(before) => cluster.update(KIND, before, after),
            };
            assert_eq!(reviewed.patched(), [""; 0]);
        }
    }

    #[test]
    fn that_goes_back_gets_its_old_template() {
        let first = Cluster::plain().create(KIND, &declaring("workload", "a")).object;
        let second = edited(first.clone(), |object| {
            release(object, "2.0.0");
            object["metadata"]["annotations"][BASE_NAME] = json!("b");
        });
        let second = Cluster::plain().update(KIND, &first, &second).object;
        let cluster = Cluster::plain().revision(KIND, &first).revision(KIND, &second);
        // kubectl rollout undo sends the template of the revision, and nothing else
        let undone = edited(second.clone(), |object| object["spec"]["template"] = first["spec"]["template"].clone());
        assert_eq!(cluster.update(KIND, &second, &undone).object["spec"]["template"], first["spec"]["template"]);
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
    fn a_pod_that_was_made_bound_or_before_warden_is_given_its_identity_only() {
        let old = edited(manifest(), |p| p["spec"]["nodeName"] = json!("vnode.10.0.0.1.dev"));
        let new = edited(old.clone(), |p| p["metadata"]["labels"]["a"] = json!("b"));
        let patched = Cluster::plain().update(Kind::Pod, &old, &new).patched();
        assert_eq!(patched, ["/metadata/labels/module.warden.koupleless.io~1biz1"]);
    }
}
