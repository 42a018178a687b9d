//! Whether warden and kubectl read the same: the same objects, or both refuse.
//!
//! kubectl reads a file and prints it by `kubectl patch --local` with an empty patch, which asks no cluster. It goes on behind a
//! file that it cannot read, so it is started once for a folder. Objects are known by their name, which is that of their file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Deserializer, Value};
use tempfile::TempDir;
use warden_testbed::Binaries;

/// How many texts are generated. Both programs read all of them in one start.
const GENERATED: usize = 1_500;

/// What one of the programs made of a folder.
#[derive(Debug, Default)]
struct Reading {
    /// The objects that were read, by the name of their file.
    objects: BTreeMap<String, Vec<Value>>,
    /// What was said about files.
    errors: String,
}

impl Reading {
    fn of(stdout: &str, stderr: &[u8]) -> Result<Self> {
        let mut reading = Self { errors: String::from_utf8_lossy(stderr).into_owned(), ..Self::default() };
        for printed in Deserializer::from_str(stdout).into_iter::<Value>() {
            let printed = printed.with_context(|| stdout.to_owned())?;
            let items = match printed.get("items").and_then(Value::as_array) {
                Some(items) if printed["kind"] == "List" => items.clone(),
                _ => vec![printed],
            };
            for object in items {
                let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                reading.objects.entry(name).or_default().push(comparable(object));
            }
        }
        Ok(reading)
    }

    fn by_kubectl(folder: &Path) -> Result<Self> {
        let mut kubectl = Command::new(Binaries::find_or_build()?.kubectl());
        kubectl.args(["patch", "--local", "-f", ".", "--type=merge", "-p={}", "-o=json"]).current_dir(folder);
        let output = kubectl.env("KUBECONFIG", "/dev/null").env("KUBERC", "off").output()?;
        Self::of(std::str::from_utf8(&output.stdout)?, &output.stderr)
    }

    fn by_warden(folder: &Path) -> Result<Self> {
        let mut warden = Command::new(env!("CARGO_BIN_EXE_warden"));
        warden.args(["review", "-f", ".", "-o", "json"]).current_dir(folder);
        let output = warden.env_remove("WARDEN_DEFAULT_ENV").env_remove("WARDEN_CONFIG").output()?;
        Self::of(std::str::from_utf8(&output.stdout)?, &output.stderr)
    }

    /// Whether something in the file could not be read. Warnings are no errors.
    fn refused(&self, file: &str) -> bool {
        self.errors.lines().any(|line| line.contains(file) && !line.starts_with("warning:"))
    }
}

/// Floats that are the same where their first digits are: Go and Rust write them in other ways, and the last digit is lost when
/// they are read again.
fn comparable(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_i64() => format!("{:.13e}", number.as_f64().unwrap_or_default()).into(),
        Value::Array(list) => list.into_iter().map(comparable).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, comparable(value))).collect(),
        other => other,
    }
}

/// Compares what both make of `files`, by name with extension. Gives how many files both read, and how many both refuse.
fn compare(files: &BTreeMap<String, Vec<u8>>) -> Result<(usize, usize)> {
    let folder = TempDir::new()?;
    for (name, content) in files {
        fs::write(folder.path().join(name), content)?;
    }
    let (kubectl, warden) = (Reading::by_kubectl(folder.path())?, Reading::by_warden(folder.path())?);
    let (mut read, mut refused) = (0, 0);
    for (file, content) in files {
        let name = file.split('.').next().unwrap_or_default();
        let content = String::from_utf8_lossy(content);
        let of = |reading: &Reading| reading.objects.get(name).cloned().unwrap_or_default();
        let (by_kubectl, by_warden) = (of(&kubectl), of(&warden));
        let about = |reading: &Reading| -> String {
            reading.errors.lines().filter(|line| line.contains(file)).collect::<Vec<_>>().join("\n")
        };
        let told = format!(
            "{file}:\n{content}\n--- kubectl: {}\n{by_kubectl:?}\n--- warden: {}\n{by_warden:?}",
            about(&kubectl),
            about(&warden)
        );
        ensure!(kubectl.refused(file) == warden.refused(file), "only one of them refuses {told}");
        if warden.refused(file) {
            // kubectl reads a file up to a mistake, warden reads on.
            ensure!(by_warden.starts_with(&by_kubectl), "they read {told}");
            refused += 1;
        } else {
            ensure!(by_warden == by_kubectl, "they read {told}");
            read += 1;
        }
    }
    Ok((read, refused))
}

/// An object that is called like its file, with `rest` behind it.
fn object(name: &str, rest: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n{rest}")
}

#[test]
fn both_read_the_same_of_what_people_write() -> Result<()> {
    let utf_16 = |text: &str| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let text = |rest: &'static str| move |name: &str| object(name, rest).into_bytes();
    let twice = |separator: &'static str| {
        move |name: &str| format!("{}{separator}{}", object(name, ""), object(name, "second: 2\n")).into_bytes()
    };
    let json = |name: &str, rest: &str| {
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": {name:?}}}{rest}}}\n")
    };
    type Make<'a> = Box<dyn Fn(&str) -> Vec<u8> + 'a>;
    let cases: Vec<(&str, Make<'_>)> = vec![
        ("sha.yaml", Box::new(text("v: [6063e725, 1e3, 0644, 1.10, 1_000, 0o17, 2026-01-02, yes, y, NO, ~]\n"))),
        ("keys.yaml", Box::new(text("v: {1: a, 1.5: b, yes: c, 1e7: d, 0x10: e}\n"))),
        ("null-key.yaml", Box::new(text("v: {~: a}\n"))),
        ("large.yaml", Box::new(text("v: [9223372036854775807, 9223372036854775808, 1e21, 1e-7, -0.0, 3.0]\n"))),
        ("infinite.yaml", Box::new(text("v: .inf\n"))),
        ("tab.yaml", Box::new(text("v:\n  a: 1\n\t\n  b: 2\n"))),
        ("tab-at-end.yaml", Box::new(text("v: 1\t\nw: 2 \t# c\n"))),
        ("duplicate.yaml", Box::new(text("v: 1\nv: 2\n"))),
        ("merge.yaml", Box::new(text("a: &a {x: 1, y: 2}\nb: {x: 3, <<: *a}\nc: {<<: [*a, {y: 9, z: 9}], x: 5}\n"))),
        ("merge-of-list.yaml", Box::new(text("a: &a [{x: 1}]\nb: {<<: *a}\n"))),
        ("merge-of-text.yaml", Box::new(text("a: {<<: text}\n"))),
        ("anchor-in-itself.yaml", Box::new(text("a: &a [*a]\n"))),
        ("anchor-again.yaml", Box::new(text("x: &a\n  y: &a 1\nz: *a\n"))),
        ("replaced.yaml", Box::new(text("a: .inf\na: {~: b}\na: 1\n"))),
        ("alias.yaml", Box::new(text("a: *missing\n"))),
        ("tags.yaml", Box::new(text("a: !!str 1\nb: !!binary aGk=\nc: !custom x\nd: !!float 3\n"))),
        ("wrong-tag.yaml", Box::new(text("a: !!int x\n"))),
        ("block.yaml", Box::new(text("a: |\n  x\n   y\n\nb: >-\n  x\n  y\nc: |2\n    z\n"))),
        ("chinese.yaml", Box::new(text("基座: ：订单\n"))),
        ("marker.yaml", Box::new(text("v: 1\n...\nother: [\n"))),
        ("directive.yaml", Box::new(|name| format!("%YAML 1.1\n---\n{}", object(name, "")).into_bytes())),
        ("crlf.yaml", Box::new(|name| object(name, "v: |\n  a\n  b\n").replace('\n', "\r\n").into_bytes())),
        ("utf16.yaml", Box::new(move |name| utf_16(&object(name, "v: 基座\n")))),
        ("utf8-mark.yaml", Box::new(|name| format!("\u{feff}{}", object(name, "")).into_bytes())),
        ("gbk.yaml", Box::new(|name| [object(name, "# ").as_bytes(), b"\xd7\xa2\xca\xcd\n"].concat())),
        ("two.yaml", Box::new(twice("---\n"))),
        ("two-with-comment.yaml", Box::new(twice("--- # second\n---\n\n"))),
        ("two-with-bom.yaml", Box::new(twice("---\n\u{feff}"))),
        ("two-with-text.yaml", Box::new(twice("--- {}\n"))),
        ("two-with-blanks.yaml", Box::new(twice(" ---\n"))),
        ("two-with-more.yaml", Box::new(twice("----\n"))),
        ("broken-first.yaml", Box::new(|name| format!("a: [\n---\n{}", object(name, "")).into_bytes())),
        ("comments.yaml", Box::new(|_| b"# nothing\n---\n# here\n".to_vec())),
        ("nothing.yaml", Box::new(|_| Vec::new())),
        ("no-kind.yaml", Box::new(|name| format!("apiVersion: v1\nmetadata: {{name: {name}}}\n").into_bytes())),
        ("prose.yaml", Box::new(|_| b"just a text\n".to_vec())),
        ("one.json", Box::new(move |name| json(name, ", \"v\": [1.0, 1e3, \"\\u00e9\"]").into_bytes())),
        ("several.json", Box::new(move |name| json(name, "").repeat(3).into_bytes())),
        (
            "json-then-yaml.json",
            Box::new(move |name| format!("{}---\n{}", json(name, ""), object(name, "")).into_bytes()),
        ),
        (
            "jsons-then-yaml.json",
            Box::new(move |name| format!("{}---\n{}", json(name, "").repeat(2), object(name, "")).into_bytes()),
        ),
        ("comma.json", Box::new(move |name| json(name, ", \"v\": [1,]").into_bytes())),
        (
            "flow.yaml",
            Box::new(|name| format!("{{apiVersion: v1, kind: A, metadata: {{name: {name}}}}}\n").into_bytes()),
        ),
        (
            "list.yaml",
            Box::new(|name| {
                format!("apiVersion: apps/v1\nkind: FooList\nitems:\n- metadata: {{name: {name}}}\n").into_bytes()
            }),
        ),
        ("list-of-text.yaml", Box::new(|_| b"apiVersion: v1\nkind: List\nitems: text\n".to_vec())),
    ];
    let files: BTreeMap<String, Vec<u8>> = cases
        .into_iter()
        .map(|(file, make)| (file.to_owned(), make(file.split('.').next().unwrap_or_default())))
        .collect();
    let (read, refused) = compare(&files)?;
    ensure!(read > 20 && refused > 10, "the comparison means little: {read} read, {refused} refused");
    Ok(())
}

/// The files that ship. Modules are made others, so that warden leaves them as they are.
#[test]
fn both_read_the_same_of_what_ships() -> Result<()> {
    let folder = TempDir::new()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for from in ["deploy/manifests", "webhook-config", "examples/samples", "tests/fixtures"] {
        for entry in fs::read_dir(root.join(from))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
                let text = fs::read_to_string(&path)?.replace("component: module", "component: other");
                fs::write(folder.path().join(format!("{}-{name}", from.replace('/', "-"))), text)?;
            }
        }
    }
    let (kubectl, warden) = (Reading::by_kubectl(folder.path())?, Reading::by_warden(folder.path())?);
    ensure!(kubectl.objects == warden.objects, "{:?}\n{:?}", kubectl.objects, warden.objects);
    let read: usize = kubectl.objects.values().map(Vec::len).sum();
    ensure!(read > 20, "only {read} objects");
    Ok(())
}

/// Scalars with a meaning of their own in YAML 1.1, in go-yaml, or in Go.
const SCALARS: [&str; 64] = [
    "6063e725",
    "1e3",
    "1e400",
    "0644",
    "08",
    "0o17",
    "0x1F",
    "0x",
    "0b11",
    "0b-1",
    "1_000",
    "_1",
    "+1",
    "-1",
    "1.0",
    "1.",
    ".5",
    ".5_0",
    "._5",
    ".e3",
    "+.5",
    "1e21",
    "123456789012345678901",
    "9223372036854775808",
    "-9223372036854775809",
    "yes",
    "yEs",
    "on",
    "n",
    "TRUE",
    "null",
    "nULL",
    "~",
    ".nan",
    "+.INF",
    "inf",
    "2026-1-2",
    "12:30",
    "-0.0",
    "0x-1",
    "007",
    "1.2.3",
    "=",
    "<<",
    "!!str 1",
    "!!int '3'",
    "!!bool x",
    "'1'",
    "\"\\x41\\u4e2d\"",
    "\"\\ud800\"",
    "a #b",
    "a: b",
    "- a",
    "[1, 2]",
    "{a: 1, a: 2}",
    "&a 1",
    "*a",
    "|\n    x\n    y",
    ">+\n    x\n\n",
    "'a\n\n    b'",
    "\ta",
    "'\t'",
    "：a",
    "@a",
];

/// Lines of a document, some of which belong there. Three differences are known and left out: a tag with a comma in it, a byte
/// order mark that is alone in a line, and keys such as `1` and `1.0`, of which kubectl takes any.
fn body() -> impl Strategy<Value = String> {
    let keys = ["a", "b", "1.0", "yes", "<<", "'x'", "0x10", "~", "1e7", "a b", "基", "? q", "- a", "-"];
    let odd = ["", "\t", " \t", "# c", "  # 基", "---", "--- # x", "--- x", "...", "----", "%YAML 1.1", "\r"];
    let scalar = prop_oneof![
        6 => prop::sample::select(SCALARS.to_vec()).prop_map(str::to_owned),
        1 => "[0-9.eE+_xXob:aftynul~ ,\\[\\]{}#&*|>'\"%@`\t基-]{1,7}",
    ];
    let entry = (0_usize..3, prop::sample::select(keys.to_vec()), scalar)
        .prop_map(|(indent, key, scalar)| format!("{}{key}: {scalar}", "  ".repeat(indent + 1)));
    let block = (0_usize..2, prop::sample::select(keys.to_vec()), prop::sample::select(vec!["", " &m", " &a", " # c"]))
        .prop_map(|(indent, key, anchor)| format!("{}{key}:{anchor}", "  ".repeat(indent + 1)));
    let line = prop_oneof![
        8 => entry,
        2 => block,
        1 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["  <<: *m", "  b: *a", "  c: {<<: *m, b: 3}"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(line, 1..5).prop_map(|lines| format!("data:\n{}\n", lines.join("\n")))
}

#[test]
fn both_read_the_same_of_what_is_generated() -> Result<()> {
    let mut runner = TestRunner::default();
    let mut files = BTreeMap::new();
    for number in 0..GENERATED {
        let name = format!("case-{number:05}");
        let body = body().new_tree(&mut runner).map_err(|reason| anyhow::anyhow!("{reason}"))?.current();
        let text = object(&name, &body);
        let text = if number % 10 == 0 { text.replace('\n', "\r\n") } else { text };
        files.insert(format!("{name}.yaml"), text.into_bytes());
    }
    let (read, refused) = compare(&files)?;
    ensure!(read > GENERATED / 10 && refused > GENERATED / 10, "{read} read, {refused} refused");
    Ok(())
}
