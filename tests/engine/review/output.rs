//! What is printed, and that its next reader understands it.

use std::process::Stdio;

use rstest::rstest;
use serde_json::{Value, json};

use super::folder::{Folder, review_stdin};
use super::manifests::{MODULE, ORDINARY, TUTORIAL, documents, refused_module};

#[rstest]
fn every_form_of_output_looks_like_this(#[values("yaml", "json", "diff", "patch", "table")] form: &str) {
    let folder = Folder::new().with("biz1.yaml", MODULE);
    let run = folder.review(&["-f", "biz1.yaml", "-o", form]).ended(0);
    insta::assert_snapshot!(form, run.stdout);
}

#[rstest]
fn every_form_of_pods_looks_like_this(#[values("yaml", "json", "diff", "patch", "table")] form: &str) {
    let folder = Folder::new().with("biz1.yaml", documents(&[MODULE, ORDINARY]));
    let run = folder.review(&["-f", "biz1.yaml", "-o", form, "--pods"]).ended(0);
    insta::assert_snapshot!(format!("pods_{form}"), run.stdout);
}

#[test]
fn the_table_has_a_line_for_each_whatever_its_verdict() {
    let folder = Folder::new().with("all.yaml", documents(&[TUTORIAL, ORDINARY, &refused_module()]));
    let run = folder.review(&["-f", "all.yaml", "-o", "table"]).ended(1);
    insta::assert_snapshot!("table_of_all_verdicts", run.stdout);
}

#[rstest]
fn nothing_that_is_refused_is_piped_on(#[values("yaml", "json", "diff", "patch")] form: &str) {
    let run = review_stdin(&documents(&[MODULE, &refused_module(), ORDINARY]), &["-o", form]).ended(1);
    assert!(!run.stdout.contains("broken"), "{run:#?}");
    assert!(run.stdout.contains("biz1"), "{run:#?}");
    // What is not a module is printed, but has no patch.
    assert_eq!(run.stdout.contains("nginx"), ["yaml", "json"].contains(&form), "{run:#?}");
}

#[test]
fn where_all_is_refused_there_is_nothing_to_pipe_on() {
    assert_eq!(review_stdin(&refused_module(), &["-o", "yaml"]).ended(1).stdout, "");
}

#[test]
fn problems_are_reported_though_the_pipe_is_closed() {
    let folder = Folder::new().with("all.yaml", documents(&[MODULE, &refused_module()]));
    let mut command = folder.command(&["-f", "all.yaml"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdin(Stdio::null()).stdout(writer).spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Deployment/broken: refused"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
}

#[rstest]
#[case::a_plain_module(MODULE)]
#[case::the_tutorials(TUTORIAL)]
fn what_came_out_needs_nothing_more(#[case] manifest: &str, #[values("yaml", "json")] form: &str) {
    let first = review_stdin(manifest, &["-o", form]).ended(0);
    let second = review_stdin(&first.stdout, &["-o", "patch"]).ended(0);
    assert_eq!(second.json()[0]["patch"], json!([]), "{second:#?}");
}

#[test]
fn what_is_no_module_comes_out_as_it_went_in() {
    let before = review_stdin(ORDINARY, &["-o", "json"]).ended(0).json();
    let after = review_stdin(&review_stdin(ORDINARY, &[]).stdout, &["-o", "json"]).json();
    similar_asserts::assert_eq!(before, after);
    assert_eq!(review_stdin(ORDINARY, &["-o", "diff"]).stdout, "");
}

/// `kubectl` reads YAML 1.1, in which more words than `true` are booleans and more digits are numbers. `review` reads as it does, which
/// `tests/scenarios/review/reading.rs` compares, so what it reads again is what kubectl reads.
#[test]
fn texts_stay_texts_through_yaml() {
    let texts = [
        "on",
        "Off",
        "yes",
        "NO",
        "y",
        "n",
        "true",
        "null",
        "~",
        "",
        "1.0",
        "1",
        "017",
        "0o17",
        "0x1F",
        "0b1",
        "1_000",
        "1e3",
        ".5",
        "1.",
        "+1",
        ".inf",
        "2026-01-02",
        "12:30",
        "<<",
        "=",
        "-",
        "---",
        "...",
        "?",
        "- a",
        "a: b",
        "a:",
        "# a",
        "a #b",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{a",
        "[]",
        "'a'",
        "\"a\"",
        "  a",
        "a  ",
        "a\\n",
        "a\n",
        "a\nb",
        "\na",
        "a\n\n",
        " \n a\n",
        "\ta",
        "\r\n",
        "\u{7}",
        "\u{2028}",
        "\u{feff}",
        "基座 🙂",
        "6063e725",
        "0b+1",
        ".5_0",
        "1__0",
        "+.INF",
        "-.Inf",
        ".NaN",
        "NULL",
        "0_7",
        "0b_1",
        "0x_1F",
        "08",
        "1e400",
        "：a",
    ];
    let mut data = serde_json::Map::new();
    for (number, text) in texts.iter().enumerate() {
        data.insert(format!("k{number}"), json!(text));
        data.insert((*text).to_owned(), json!(number));
    }
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data});
    let yaml = review_stdin(&object.to_string(), &["-o", "yaml"]).ended(0).stdout;
    let again: Value = review_stdin(&yaml, &["-o", "json"]).ended(0).json();
    similar_asserts::assert_eq!(again, object);
}
