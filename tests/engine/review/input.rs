//! Where manifests come from, in all the forms that `kubectl` takes, and what cannot be read.

use rstest::rstest;
use serde_json::json;

use super::folder::{Folder, review_stdin};
use super::manifests::{MODULE, ORDINARY, TUTORIAL, documents, module_with, refused_module};

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
    let expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "mode": 420, "switch": true, "false": false, "bits": 3,
        "day": "2026-01-02", "version": "1.0.0"});
    similar_asserts::assert_eq!(object, expected);
}

#[test]
fn json_is_read_with_tabs_and_escapes() {
    let text =
        "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMap\",\n\t\"text\": \"\\ud83d\\ude00 \\u003c \\/\"\n}\n";
    assert_eq!(review_stdin(text, &["-o", "json"]).ended(0).json()["text"], "😀 < /");
}

/// One build in a hundred has a commit whose abbreviation looks like a number.
#[rstest]
#[case::too_large_for_a_float("6063e725")]
#[case::letters_and_digits("a063e72")]
#[case::two_dots("1.0.0")]
fn a_version_that_kubectl_takes_for_a_text_is_one(#[case] version: &str) {
    let run = review_stdin(&module_with("value: \"1.0.0\"", &format!("value: {version}")), &["-o", "json"]).ended(0);
    assert_eq!(run.json()["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"], version);
}

#[rstest]
#[case::a_float("1e3")]
#[case::digits("20261130")]
fn a_version_that_kubectl_takes_for_a_number_is_refused_with_its_remedy(#[case] version: &str) {
    let run = review_stdin(&module_with("value: \"1.0.0\"", &format!("value: {version}")), &[]).ended(1);
    run.says(&["env[0].value: must be a string, and is a number", "put the value in quotes"]);
}

#[rstest]
#[case::utf_16_little_endian(utf_16(MODULE, u16::to_le_bytes))]
#[case::utf_16_big_endian(utf_16(MODULE, u16::to_be_bytes))]
#[case::gbk_in_a_comment([b"# \xd7\xa2\xca\xcd".as_slice(), MODULE.as_bytes()].concat())]
#[case::byte_order_mark_of_the_second_document(format!("# first\n---\n\u{feff}{}", MODULE.trim_start()).into_bytes())]
fn text_of_every_encoding_that_kubectl_reads_is_read(#[case] bytes: Vec<u8>) {
    let run = Folder::new().with("module.yaml", bytes).review(&["-f", "module.yaml", "-o", "json"]).ended(0);
    similar_asserts::assert_eq!(run.json(), review_stdin(MODULE, &["-o", "json"]).json());
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// `kubectl get --raw /apis/apps/v1/deployments`: the API server names the kind once, by that of the list.
#[test]
fn items_of_a_list_of_one_kind_are_of_that_kind() {
    let mut item: serde_json::Value = serde_saphyr::from_str(&refused_module()).unwrap();
    item.as_object_mut().unwrap().retain(|field, _| !["apiVersion", "kind"].contains(&field.as_str()));
    let list = json!({"kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {}, "items": [item]});
    review_stdin(&list.to_string(), &[]).ended(1).says(&["stdin document 1 item 1: Deployment/broken: refused"]);
}

#[test]
fn of_a_key_that_is_there_twice_the_last_counts_and_the_line_is_told() {
    let twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: first\n  a: last\n";
    let folder = Folder::new().with("all.yaml", documents(&[twice, MODULE]));
    let run = folder.review(&["-f", "all.yaml", "-o", "json"]).ended(0);
    assert_eq!(run.json()["items"][0]["data"]["a"], "last");
    run.says(&["warning: all.yaml document 1: line 6: \"a\" is there twice; Kubernetes takes the last"]);
}

#[test]
fn a_document_that_cannot_be_read_is_told_by_its_line_and_the_others_are_judged() {
    let broken = "apiVersion: v1\nkind: [X\nmetadata: {}";
    let folder = Folder::new().with("all.yaml", documents(&[ORDINARY.trim(), broken, refused_module().trim(), MODULE]));
    let run = folder.review(&["-f", "all.yaml", "-o", "json"]).ended(3).says(&[
        "error: all.yaml document 2: line 18, column 9: did not find expected ',' or ']'",
        "all.yaml document 3: Deployment/broken: refused",
    ]);
    assert_eq!(run.stderr.matches("error").count(), 1, "{run:#?}");
    let names: Vec<_> =
        run.json()["items"].as_array().unwrap().iter().map(|it| it["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["web", "biz1"]);
}

#[rstest]
#[case::no_such_file("missing.yaml", None, "cannot read missing.yaml")]
#[case::no_object("text.yaml", Some("just a text"), "text.yaml document 1 is not a Kubernetes object")]
#[case::no_kind("nokind.yaml", Some("apiVersion: v1"), "nokind.yaml document 1 is not a Kubernetes object")]
#[case::items_that_are_none("items.yaml", Some("apiVersion: v1\nkind: List\nitems: a"), "items is not a list (line 1)")]
#[case::a_tab_on_an_empty_line(
    "tab.yaml",
    Some("apiVersion: v1\nkind: A\n\t\nx: 1"),
    "tab.yaml document 1: line 3, column 1"
)]
#[case::text_behind_a_separator("separator.yaml", Some("--- a: 1"), "line 1: nothing but a comment may follow ---")]
#[case::json("object.json", Some("{\"apiVersion\": \"v1\" \"kind\": 1}"), "object.json document 1: line 1, column")]
#[case::a_tag_that_its_value_is_not("tag.yaml", Some("a: !!int x"), "line 1, column 4: \"x\" is not of the type int")]
#[case::a_parser_that_gives_up("panic.yaml", Some("a: [!tag,]"), "panic.yaml document 1: line 1")]
#[case::an_address("https://example.com/a.yaml", None, "curl URL | warden review -f -")]
fn what_cannot_be_read_is_told_beside_what_can(#[case] name: &str, #[case] content: Option<&str>, #[case] said: &str) {
    let mut folder = Folder::new().with("good.yaml", refused_module());
    if let Some(content) = content {
        folder = folder.with(name, content);
    }
    let run = folder.review(&["-f", name, "-f", "good.yaml"]).ended(3);
    run.says(&["error: ", said, "good.yaml document 1: Deployment/broken: refused"]);
}

#[test]
fn values_that_lie_too_deep_are_refused() {
    review_stdin(&"[".repeat(500), &[]).ended(2).says(&["values lie deeper in each other than 128"]);
}

/// A few lines would otherwise take all memory.
#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    review_stdin(&text, &[]).ended(2).says(&["aliases stand for more than"]);
}

#[test]
fn a_file_without_objects_is_ignored_beside_others() {
    let folder = Folder::new().with("all/a.yaml", "# nothing\n---\n").with("all/b.yaml", "").with("all/c.yaml", MODULE);
    assert_eq!(folder.review(&["-f", "all"]).ended(0).stderr, "");
}

#[test]
fn input_without_any_object_is_told() {
    let folder = Folder::new().with("a.yaml", "# nothing\n---\n").with("b.yaml", "");
    folder.review(&["-f", "a.yaml,b.yaml"]).ended(2).says(&["error: there is no object in a.yaml, b.yaml"]);
}

/// `kubectl get` in an empty namespace.
#[test]
fn a_list_without_items_has_nothing_to_refuse() {
    review_stdin("apiVersion: v1\nkind: List\nitems: []", &[]).ended(0);
}

#[test]
fn a_folder_without_manifests_is_told_with_the_way_into_its_folders() {
    let folder = Folder::new().with("docs/README.md", "").with("docs/deeper/a.yaml", MODULE);
    folder
        .review(&["-f", "docs"])
        .ended(2)
        .says(&["docs holds no .yaml, .yml or .json file; -R reads its folders, too"]);
    folder.review(&["-f", "docs", "-R"]).ended(0);
}

#[test]
fn folders_in_a_folder_are_read_in_the_order_of_kubectl() {
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let folder = Folder::new().with("m/a.yaml", map("a")).with("m/b/c.yml", map("c")).with("m/d.json", map("d"));
    let run = folder.review(&["-R", "-f", "m", "-o", "json"]).ended(0);
    let names: Vec<_> =
        run.json()["items"].as_array().unwrap().iter().map(|it| it["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["a", "c", "d"]);
}

#[test]
fn several_names_may_stand_between_commas() {
    let folder = Folder::new().with("one.yaml", ORDINARY).with("two.yaml", refused_module());
    folder.review(&["-f", "one.yaml,two.yaml"]).ended(1).says(&["two.yaml document 1: Deployment/broken"]);
}

/// A manifest as an element of a list in YAML.
fn indented(manifest: &str) -> String {
    let lines = manifest.trim().lines().enumerate();
    lines.map(|(number, line)| format!("{}{line}\n", if number == 0 { "- " } else { "  " })).collect()
}
