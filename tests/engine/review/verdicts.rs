//! What is admitted and what is refused, and the exit codes.

use rstest::rstest;

use super::folder::{Folder, review_stdin};
use super::manifests::{MODULE, ORDINARY, TUTORIAL, documents, module_with, module_without, refused_module};

#[test]
fn a_module_is_admitted_without_a_word() {
    let run = review_stdin(MODULE, &[]).ended(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn the_tutorials_manifest_is_admitted_and_its_age_is_told() {
    let folder = Folder::new().with("tutorial.yaml", TUTORIAL);
    folder
        .review(&["-f", "tutorial.yaml"])
        .ended(0)
        .says(&["tutorial.yaml document 1: Deployment/test-module-deployment: admitted"])
        .says(&["warning: ", "module-controller.koupleless.io/component", "topology.kubernetes.io/zone"]);
}

#[test]
fn a_refusal_says_where_in_which_file_and_how_to_mend_it() {
    let folder = Folder::new().with("all.yaml", documents(&[MODULE, &refused_module()]));
    folder.review(&["-f", "all.yaml"]).ended(1).says(&[
        "all.yaml document 2: Deployment/broken: refused",
        "problem: spec.template.spec.containers[0].env",
        "BIZ_VERSION",
        "To fix it: ",
    ]);
}

#[test]
fn a_version_that_yaml_reads_as_a_number_is_refused_with_the_field_and_what_to_write() {
    let run = review_stdin(&module_with("value: \"1.0.0\"", "value: 1.0"), &[]).ended(1);
    let field = "spec.template.spec.containers[0].env[0].value";
    let run = run.says(&[field, "a string", "a number", "quotes"]);
    assert_eq!(run.stderr.matches("problem:").count(), 1, "{run:#?}");
}

#[test]
fn what_is_no_module_passes_without_a_verdict() {
    let run = review_stdin(ORDINARY, &[]).ended(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn what_is_meant_as_a_module_is_told_and_refused_only_where_that_is_asked_for() {
    // Given a module without its label, one of ModuleController V1, and an ordinary workload
    let unlabelled = module_without("\n        virtual-kubelet.koupleless.io/component: module");
    let version_1 = "apiVersion: koupleless.io/v1alpha1\nkind: ModuleDeployment\nmetadata: {name: old}\n";
    let folder = Folder::new().with("all.yaml", documents(&[&unlabelled, version_1, ORDINARY]));
    // When they are reviewed, then they pass as they are, and it is told what they are taken for
    let run = folder.review(&["-f", "all.yaml", "-o", "patch"]).ended(0);
    assert_eq!(run.json(), serde_json::json!([]), "{run:#?}");
    let told =
        ["all.yaml document 1: Deployment/biz1: no module", "warning: taken for a module: the template lacks label"];
    run.says(&told).says(&["document 2: ModuleDeployment/old: no module", "write a Deployment instead"]);
    // When the review is strict, then they are refused with field and remedy, and left out
    let run = folder.review(&["-f", "all.yaml", "--strict", "-o", "json"]).ended(1);
    assert_eq!(run.json()["metadata"]["name"], "web", "{run:#?}");
    let field = "problem: spec.template.metadata.labels[virtual-kubelet.koupleless.io/component]: taken for a module";
    run.says(&[field, "To fix it: add the label virtual-kubelet.koupleless.io/component: module to the template"]);
}

#[test]
fn a_strict_review_refuses_what_is_only_warned_about() {
    let odd = module_with(
        "        - name: BIZ_VERSION",
        "        envFrom: [{configMapRef: {name: a}}]\n        env:\n        - name: BIZ_VERSION",
    );
    let odd = odd.replacen("        env:\n        envFrom", "        envFrom", 1);
    review_stdin(&odd, &[]).ended(0).says(&["warning: a base ignores envFrom"]);
    review_stdin(&odd, &["--strict"])
        .ended(1)
        .says(&["problem: spec.template.spec: a base ignores envFrom", "To fix it: "]);
}

#[test]
fn what_a_controller_made_is_left_to_its_controller() {
    let owner = "ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: biz1, uid: u, controller: true}]";
    let replica_set =
        module_with("kind: Deployment", "kind: ReplicaSet").replace("  namespace: shop", &format!("  {owner}"));
    let run = review_stdin(&replica_set, &["-o", "patch"]).ended(0);
    assert_eq!(run.json()[0]["patch"], serde_json::json!([]), "{run:#?}");
}

#[test]
fn the_default_environment_is_for_modules_that_say_none() {
    let run = review_stdin(MODULE, &["--default-env", "gray", "-o", "json", "--pods"]).ended(0);
    assert_eq!(run.json()["spec"]["tolerations"][1]["value"], "gray");
}

#[test]
fn a_peer_keeps_the_replicas_of_its_manifest_for_no_file_knows_its_bases() {
    let label = "  namespace: shop\n  labels: {virtual-kubelet.koupleless.io/strategy: peer}";
    let run = review_stdin(&module_with("  namespace: shop", label), &["-o", "json"]).ended(0);
    assert_eq!((&run.json()["spec"]["replicas"], run.stderr.as_str()), (&serde_json::json!(3), ""));
}

#[rstest]
#[case::nothing_to_read(&[], "--filename")]
#[case::no_such_output(&["-f", "-", "-o", "xml"], "xml")]
#[case::an_environment_that_is_no_label(&["-f", "-", "--default-env", "a b"], "--default-env")]
fn arguments_that_make_no_sense_are_told_apart_from_a_refusal(#[case] arguments: &[&str], #[case] said: &str) {
    Folder::new().review(arguments).ended(2).says(&[said]);
}
