//! Where manifests come from, in all the forms that `kubectl` takes, and what cannot be read.

use rstest::rstest;
use serde_json::json;

use super::folder::{Folder, review_stdin};
use super::manifests::{MODULE, ORDINARY, TUTORIAL, documents, refused_module};

#[test]
fn every_document_of_a_file_is_reviewed_and_empty_ones_do_not_count() {
    let text = documents(&["# a comment", ORDINARY, "# as helm leaves them", "", MODULE, ""]);
    let run = review_stdin(&text, &["-o", "json"]).ended(0);
    let items = run.json()["items"].as_array().unwrap().clone();
    let names: Vec<_> = items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["web", "biz1"]);
}

#[test]
fn an_item_of_a_list_is_told_by_its_place() {
    let items: Vec<_> = [MODULE, &refused_module()].iter().map(|item| indented(item)).collect();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}", items.concat());
    let folder = Folder::new().with("list.yaml", list);
    folder.review(&["-f", "list.yaml"]).ended(1).says(&["list.yaml document 1 item 2: Deployment/broken: refused"]);
}

#[test]
fn json_objects_may_come_one_after_the_other() {
    let object = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let run = review_stdin(&format!("{:#}\n{}", object("a"), object("b")), &["-o", "json"]).ended(0);
    assert_eq!(run.json()["items"], json!([object("a"), object("b")]));
}

#[test]
fn a_folder_is_read_by_its_yaml_and_json_files_in_order() {
    let json = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}).to_string();
    let folder = Folder::new()
        .with("manifests/b.yml", ORDINARY)
        .with("manifests/a.yaml", MODULE)
        .with("manifests/c.json", json)
        .with("manifests/README.md", "kind: of: a: text")
        .with("manifests/deeper/refused.yaml", refused_module());
    let run = folder.review(&["-f", "manifests", "-o", "table"]).ended(0);
    let lines: Vec<_> = run.stdout.lines().skip(1).map(str::trim).collect();
    assert_eq!(lines.len(), 3, "{run:#?}");
    for (line, start) in lines.iter().zip(["manifests/a.yaml", "manifests/b.yml", "manifests/c.json"]) {
        assert!(line.starts_with(start), "{run:#?}");
    }
}

#[test]
fn several_names_are_read_one_after_the_other() {
    let folder = Folder::new().with("one.yaml", ORDINARY).with("two.yaml", refused_module());
    folder.review(&["-f", "one.yaml", "-f", "two.yaml"]).ended(1).says(&["two.yaml document 1: Deployment/broken"]);
}

#[test]
fn what_the_cluster_stores_is_read_as_well() {
    let mut live: serde_json::Value = serde_json::from_str(&review_stdin(TUTORIAL, &["-o", "json"]).stdout).unwrap();
    live["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Apply", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"biz1\"}": {".": {}}}}}}}}]);
    live["metadata"]["resourceVersion"] = json!("4711");
    live["status"] = json!({"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]});
    let list =
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [live.clone()]});
    let run = review_stdin(&list.to_string(), &["-o", "json"]).ended(0);
    similar_asserts::assert_eq!(run.json(), live);
}

/// `kubectl get deploy --all-namespaces -o yaml` of a large cluster.
#[test]
fn a_list_as_long_as_a_large_clusters_is_read() {
    let managed_fields = "f, ".repeat(2_500);
    let mut list = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
    for number in 0..120 {
        let name = format!("name: web{number}\n  managedFields: [{managed_fields}]");
        list.push_str(&indented(&ORDINARY.replacen("name: web", &name, 1)));
    }
    let run = review_stdin(&list, &["-o", "table"]).ended(0);
    assert_eq!(run.stdout.lines().count(), 121);
}

#[rstest]
#[case::carriage_returns(&MODULE.replace('\n', "\r\n"))]
#[case::byte_order_mark(&format!("\u{feff}{}", MODULE.trim_start()))]
#[case::merge_keys(&MODULE.replace("matchLabels: {app: biz1}", "matchLabels: &all {app: biz1}").replace("      labels:\n", "      labels:\n        <<: *all\n"))]
fn yaml_of_every_dress_is_read(#[case] text: &str) {
    let run = review_stdin(text, &["-o", "json"]).ended(0);
    similar_asserts::assert_eq!(run.json(), review_stdin(MODULE, &["-o", "json"]).json());
}

/// As `sigs.k8s.io/yaml` reads them: YAML 1.1.
#[test]
fn plain_scalars_are_what_kubectl_takes_them_for() {
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmode: 0644\nswitch: on\noff: no\nbits: 0b11\nday: 2026-01-02\nversion: 1.0.0";
    let object = review_stdin(text, &["-o", "json"]).ended(0).json();
    let expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "mode": 420, "switch": true, "off": false, "bits": 3,
        "day": "2026-01-02", "version": "1.0.0"});
    similar_asserts::assert_eq!(object, expected);
}

#[test]
fn json_is_read_with_tabs_and_escapes() {
    let text =
        "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMap\",\n\t\"text\": \"\\ud83d\\ude00 \\u003c \\/\"\n}\n";
    assert_eq!(review_stdin(text, &["-o", "json"]).ended(0).json()["text"], "😀 < /");
}

#[test]
fn broken_yaml_is_told_by_line_and_column_once() {
    let folder = Folder::new().with("broken.yaml", documents(&["apiVersion: v1\nkind: X", "kind: [Y\n"]));
    let run = folder.review(&["-f", "broken.yaml"]).ended(2).says(&["error: broken.yaml: ", "line 4, column 7"]);
    assert_eq!(run.stderr.matches("error").count(), 1, "{run:#?}");
}

#[rstest]
#[case::no_such_file("missing.yaml", None, "missing.yaml")]
#[case::no_text("bytes.yaml", Some(b"kind: \xff\xfe".as_slice()), "bytes.yaml")]
#[case::nothing_in_it("empty.yaml", Some(b"# nothing\n---\n".as_slice()), "empty.yaml holds no object")]
#[case::no_object("text.yaml", Some(b"just a text".as_slice()), "text.yaml document 1 is not a Kubernetes object")]
#[case::no_kind("nokind.yaml", Some(b"apiVersion: v1".as_slice()), "nokind.yaml document 1 is not a Kubernetes object")]
#[case::twice_the_same_key("twice.yaml", Some(b"apiVersion: v1\nkind: A\nkind: B".as_slice()), "line 3, column 1")]
fn what_cannot_be_read_is_told_beside_what_can(#[case] name: &str, #[case] content: Option<&[u8]>, #[case] said: &str) {
    let mut folder = Folder::new().with("good.yaml", refused_module());
    if let Some(content) = content {
        folder = folder.with(name, content);
    }
    let run = folder.review(&["-f", name, "-f", "good.yaml"]).ended(2);
    run.says(&["error: ", said, "good.yaml document 1: Deployment/broken: refused"]);
}

#[test]
fn a_folder_without_manifests_is_told() {
    let folder = Folder::new().with("docs/README.md", "");
    folder.review(&["-f", "docs"]).ended(2).says(&["docs holds no .yaml, .yml or .json file"]);
}

/// A manifest as an element of a list in YAML.
fn indented(manifest: &str) -> String {
    let lines = manifest.trim().lines().enumerate();
    lines.map(|(number, line)| format!("{}{line}\n", if number == 0 { "- " } else { "  " })).collect()
}
