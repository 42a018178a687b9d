//! What is written elsewhere from the tables of rules and annotations: documentation, and the schema of the chart's values.
//!
//! `WARDEN_BLESS=1 cargo test --test engine documentation` writes it again after a change of the tables.

use std::cmp::Reverse;
use std::fs;
use std::path::Path;

use koupleless_warden::policy::{Rule, Severity};
use koupleless_warden::vocabulary::ANNOTATIONS;

const DOCUMENTATION: &str = "docs/configuration.md";
const SCHEMA: &str = "deploy/chart/values.schema.json";

/// One test for both tables, because both are written into one file.
#[test]
fn the_documentation_lists_every_rule_and_annotation() {
    // Given the table of rules: first those that are always refused, then those that are refused by default
    let mut rules: Vec<&Rule> = Rule::ALL.iter().collect();
    rules.sort_by_key(|rule| Reverse((rule.why_fixed().is_some(), rule.severity())));
    let mut table = String::from("| rule | by default | broken where |\n|---|---|---|\n");
    for rule in rules {
        let always = if rule.why_fixed().is_some() { ", always" } else { "" };
        table.push_str(&format!("| `{rule}` | {}{always} | {} |\n", rule.severity().name(), rule.broken_when()));
    }
    // Then the documentation has it
    holds_between(DOCUMENTATION, "<!-- The table of rules -->\n\n", "\n<!-- End of the table of rules -->", &table);
    // And the table of annotations
    let mut table = String::from("| annotation | on | value | meaning |\n|---|---|---|---|\n");
    for annotation in ANNOTATIONS {
        let (key, place, value, meaning) = (annotation.key, annotation.place, annotation.value, annotation.meaning);
        table.push_str(&format!("| `{key}` | {place} | {value} | {meaning} |\n"));
    }
    let end = "\n<!-- End of the table of annotations -->";
    holds_between(DOCUMENTATION, "<!-- The table of annotations -->\n\n", end, &table);
}

#[test]
fn the_schema_of_the_chart_knows_every_rule_and_severity() {
    // Given the rules by whether they can be lowered
    let names = |fixed| {
        let rules = Rule::ALL.iter().filter(|rule| rule.why_fixed().is_some() == fixed);
        rules.map(Rule::name).collect::<Vec<_>>().join("|")
    };
    let severities = Severity::ALL.map(|severity| format!("                \"{}\"", severity.name())).join(",\n");
    let patterns = format!(
        "{{\n            \"^({fixed})$\": {{\n              \"const\": \"{deny}\"\n            }},\n            \
         \"^({others})$\": {{\n              \"type\": \"string\",\n              \"enum\": [\n{severities}\n              \
         ]\n            }}\n          }}\n",
        fixed = names(true),
        deny = Severity::Deny.name(),
        others = names(false),
    );
    // Then the schema allows these names, with the severities that each can have
    holds_between(SCHEMA, "\"patternProperties\": ", "        },\n        \"peer\"", &patterns);
    let schema = fs::read_to_string(in_repository(SCHEMA)).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&schema).is_ok(), "{SCHEMA} is not JSON");
}

/// That the file has `text` between the two marks. With `WARDEN_BLESS` it is put there.
#[track_caller]
fn holds_between(path: &str, begin: &str, end: &str, text: &str) {
    let file = in_repository(path);
    let content = fs::read_to_string(&file).unwrap();
    let (before, rest) = content.split_once(begin).unwrap_or_else(|| panic!("{path} has no {begin:?}"));
    let (current, after) = rest.split_once(end).unwrap_or_else(|| panic!("{path} has no {end:?}"));
    if std::env::var_os("WARDEN_BLESS").is_some() {
        fs::write(&file, [before, begin, text, end, after].concat()).unwrap();
    } else {
        similar_asserts::assert_eq!(current, text, "{path}: WARDEN_BLESS=1 writes it again");
    }
}

fn in_repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
