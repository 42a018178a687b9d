//! What the API server refuses of a module, found without one.

use rstest::rstest;

use super::folder::review_stdin;
use super::manifests::{MODULE, module_with, module_without};

const IMAGE: &str = "https://repo.example.com/biz1-1.0.0-ark-biz.jar";

#[rstest]
#[case::replicas_in_quotes(
    ("replicas: 3", "replicas: \"3\""),
    "spec.replicas: must be a whole number of 32 bits, and is a string. To fix it: remove the quotes."
)]
#[case::a_field_that_is_misspelt(
    ("    spec:\n", "    spec:\n      toleration: []\n"),
    "spec.template.spec[toleration]: Kubernetes 1.36 has no such field. To fix it: write tolerations if"
)]
#[case::a_field_in_the_wrong_object(
    ("  replicas: 3\n", "  replicas: 3\n  containers: []\n"),
    "spec[containers]: Kubernetes 1.36 has no such field. To fix it: remove it, or indent it"
)]
#[case::no_selector(
    ("  selector:\n    matchLabels: {app: biz1}\n", ""),
    "spec.selector: says nothing, and the API server wants to know which Pods are this object's. \
     To fix it: write matchLabels: {app: \"biz1\"}, which the template has."
)]
#[case::no_name_of_a_variable(
    ("        - name: BIZ_VERSION\n          value: \"1.0.0\"\n", "        - name: BIZ_VERSION\n          value: \"1.0.0\"\n        - value: a\n"),
    "spec.template.spec.containers[0].env[1].name: this field is missing, and the API server requires it. To fix it: add name."
)]
#[case::an_empty_selector(
    ("matchLabels: {app: biz1}", "matchLabels: {}"),
    "spec.selector: is empty, and would select every Pod. To fix it: write matchLabels: {app: \"biz1\"}, which the"
)]
#[case::selector_and_labels_at_odds(
    ("matchLabels: {app: biz1}", "matchLabels: {app: biz2, virtual-kubelet.koupleless.io/component: module}"),
    "spec.template.metadata.labels: the labels of the template do not match spec.selector, which asks for app=biz2. \
     To fix it: change the labels of the template or the selector so that app=biz2 holds."
)]
#[case::a_selector_that_forbids_a_label_of_the_template(
    ("matchLabels: {app: biz1}", "matchExpressions: [{key: app, operator: DoesNotExist}]"),
    "which asks for !app. To fix it: change the labels of the template or the selector so that !app holds."
)]
#[case::a_container_in_camel_case(
    ("      - name: biz1\n", "      - name: orderService\n"),
    "spec.template.spec.containers[0].name: \"orderService\" is not a valid name of a container: only a-z, 0-9 and - are allowed, at most 63. \
     To fix it: build the module with the bizName \"order-service\", and call the container \"order-service\", too."
)]
#[case::an_object_in_camel_case(
    ("  name: biz1\n  namespace", "  name: Biz1\n  namespace"),
    "metadata.name: \"Biz1\" is not a valid name of this Deployment: only a-z, 0-9, - and . are allowed. To fix it: call it \"biz1\"."
)]
#[case::no_name(("  name: biz1\n  namespace", "  namespace"), "metadata.name: the object has no name. To fix it: add metadata.name.")]
#[case::an_empty_name(("  name: biz1\n  namespace", "  name: ''\n  namespace"), "metadata.name: the object has no name. To fix it: add metadata.name.")]
#[case::a_blank_behind_the_image(
    ("biz1-1.0.0-ark-biz.jar", "\"https://repo.example.com/biz1-1.0.0-ark-biz.jar \""),
    "spec.template.spec.containers[0].image: image \"https://repo.example.com/biz1-1.0.0-ark-biz.jar \" begins or ends"
)]
#[case::a_line_break_behind_the_image(
    ("biz1-1.0.0-ark-biz.jar", "|\n          https://repo.example.com/biz1-1.0.0-ark-biz.jar\n"),
    "begins or ends with a blank, so each of its Pods would be refused. To fix it: remove the blank."
)]
#[case::an_old_version(
    ("apiVersion: apps/v1", "apiVersion: apps/v1beta2"),
    "apiVersion: Kubernetes 1.36 serves no Deployment of apps/v1beta2. To fix it: write apiVersion: apps/v1."
)]
fn what_the_api_server_refuses_is_refused_with_field_and_remedy(#[case] change: (&str, &str), #[case] said: &str) {
    // Given a module with one mistake
    let (part, instead) = change;
    let part = if part.ends_with(".jar") { IMAGE } else { part };
    // When it is reviewed
    let run = review_stdin(&module_with(part, instead), &[]).ended(1);
    // Then that one is told, with the way out
    let run = run.says(&[said]);
    assert_eq!(run.stderr.matches("problem:").count(), 1, "{run:#?}");
}

#[rstest]
#[case::null_where_a_field_may_be_absent("  replicas: 3\n", "  replicas: null\n")]
#[case::a_number_without_a_fraction("  replicas: 3\n", "  replicas: 3.0\n")]
#[case::a_selector_of_expressions(
    "matchLabels: {app: biz1}",
    "matchExpressions: [{key: app, operator: In, values: [a, biz1]}]"
)]
#[case::a_quantity_as_a_number(
    "        env:\n",
    "        resources: {requests: {example.com/licences: 1}}\n        env:\n"
)]
#[case::a_generated_name("  name: biz1\n  namespace", "  generateName: biz1-\n  namespace")]
#[case::a_generated_name_beside_an_empty_one(
    "  name: biz1\n  namespace",
    "  name: ''\n  generateName: biz1-\n  namespace"
)]
#[case::status_of_the_cluster("kind: Deployment\n", "kind: Deployment\nstatus: {replicas: 3, conditions: []}\n")]
fn what_the_api_server_takes_is_taken(#[case] part: &str, #[case] instead: &str) {
    review_stdin(&module_with(part, instead), &[]).ended(0);
}

/// A module in a CronJob.
const CRON_JOB: &str = r#"
apiVersion: batch/v1
kind: CronJob
metadata: {name: biz1, namespace: shop}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata:
          labels: {virtual-kubelet.koupleless.io/component: module}
          annotations: {base.koupleless.io/name: base, base.koupleless.io/version: 1.0.0}
        spec:
          restartPolicy: Never
          containers:
          - name: biz1
            image: https://repo.example.com/biz1-1.0.0-ark-biz.jar
            env: [{name: BIZ_VERSION, value: "1.0.0"}]
"#;

/// A module in a Job.
const JOB: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: biz1, namespace: shop}
spec:
  template:
    metadata:
      labels: {virtual-kubelet.koupleless.io/component: module}
      annotations: {base.koupleless.io/name: base, base.koupleless.io/version: 1.0.0}
    spec:
      restartPolicy: Never
      containers:
      - name: biz1
        image: https://repo.example.com/biz1-1.0.0-ark-biz.jar
        env: [{name: BIZ_VERSION, value: "1.0.0"}]
"#;

#[rstest]
#[case::of_a_deployment(MODULE, "  name: biz1\n", 253)]
#[case::of_a_job(JOB, "metadata: {name: biz1,", 63)]
#[case::of_a_cron_job(CRON_JOB, "metadata: {name: biz1,", 52)]
fn a_name_may_be_as_long_as_its_kind_allows(#[case] manifest: &str, #[case] part: &str, #[case] limit: usize) {
    assert!(manifest.contains(part));
    let called = |length: usize| manifest.replacen(part, &part.replace("biz1", &"a".repeat(length)), 1);
    // Given a name that is as long as the API server takes it, when it is reviewed, then it is admitted
    review_stdin(&called(limit), &[]).ended(0);
    // And one that is longer is refused for its length
    let said = format!("is {} characters long, and at most {limit} are allowed. To fix it: shorten it.", limit + 1);
    review_stdin(&called(limit + 1), &[]).ended(1).says(&["metadata.name: ", &said]);
}

#[test]
fn all_mistakes_are_told_at_once_and_each_field_once() {
    let manifest = MODULE.replace("replicas: 3", "replicas: \"3\"").replace("value: \"1.0.0\"", "value: 1.5");
    let run = review_stdin(&manifest.replace("app: biz1}", "app: biz9}"), &[]).ended(1);
    assert_eq!(run.stderr.matches("problem:").count(), 3, "{run:#?}");
}

#[test]
fn the_remedy_for_a_container_is_admitted() {
    let camel = module_with("      - name: biz1\n", "      - name: orderService\n");
    review_stdin(&camel, &[]).ended(1).says(&["\"order-service\""]);
    let renamed = camel.replace("orderService", "order-service").replace("biz1-1.0.0-ark", "order-service-1.0.0-ark");
    review_stdin(&renamed, &[]).ended(0);
}

#[test]
fn what_is_no_module_is_not_checked() {
    let component = "        virtual-kubelet.koupleless.io/component: module\n";
    // Nor is it meant as one.
    let ordinary = module_without(component).replace("replicas: 3", "replicas: \"3\"").replace(".jar", "");
    assert_eq!(review_stdin(&ordinary, &[]).ended(0).stderr, "");
}

#[test]
fn without_a_cluster_the_option_for_one_says_what_it_needs() {
    let folder = super::folder::Folder::new().with("module.yaml", MODULE);
    let mut command = folder.command(&["-f", "module.yaml", "--server"]);
    command
        .env("KUBECONFIG", "missing.kubeconfig")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("error: cannot ask the API server: "), "{said}");
    assert!(said.contains("--server needs a kubeconfig whose cluster answers"), "{said}");
}
