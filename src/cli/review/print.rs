//! The output of a review.

use std::io;

use comfy_table::{Table, presets};
use serde_json::{Value, json};
use similar::TextDiff;

use super::{Output, Reviewed};
use crate::policy::Verdict;

/// Violations and warnings, each below its object.
pub(super) fn problems(reviewed: &[Reviewed<'_>]) -> String {
    let mut text = String::new();
    for one in reviewed {
        let Some(verdict) = &one.verdict else { continue };
        if verdict.warnings.is_empty() && verdict.admits() {
            continue;
        }
        text.push_str(&format!("{}: {}: {}\n", one.manifest.origin, one.title(), word(verdict)));
        for violation in &verdict.violations {
            text.push_str(&format!("  problem: {violation}\n"));
        }
        for warning in &verdict.warnings {
            text.push_str(&format!("  warning: {warning}\n"));
        }
    }
    text
}

/// The objects in the requested format.
pub(super) fn objects(output: Output, reviewed: &[Reviewed<'_>]) -> io::Result<String> {
    match output {
        Output::Yaml => {
            let documents: io::Result<Vec<String>> = admitted(reviewed).map(|one| yaml(&one.object)).collect();
            Ok(documents?.join("---\n"))
        }
        Output::Json => {
            let objects: Vec<&Value> = admitted(reviewed).map(|one| &one.object).collect();
            let text = match objects.as_slice() {
                [] => return Ok(String::new()),
                [one] => serde_json::to_string_pretty(one)?,
                many => serde_json::to_string_pretty(&json!({"apiVersion": "v1", "kind": "List", "items": many}))?,
            };
            Ok(text + "\n")
        }
        Output::Diff => admitted(reviewed).map(diff).collect(),
        Output::Patch => {
            let patches: Vec<Value> = admitted(reviewed).filter_map(patch).collect();
            Ok(serde_json::to_string_pretty(&patches)? + "\n")
        }
        Output::Table => Ok(table(reviewed)),
    }
}

impl Reviewed<'_> {
    fn title(&self) -> String {
        format!("{}/{}", self.manifest.text("kind"), self.manifest.name())
    }
}

/// The admitted objects, and those that are not modules. Refused ones are left out, so that they are not piped on to the
/// cluster.
fn admitted<'r, 'm>(reviewed: &'r [Reviewed<'m>]) -> impl Iterator<Item = &'r Reviewed<'m>> {
    reviewed.iter().filter(|one| one.verdict.as_ref().is_none_or(Verdict::admits))
}

fn yaml(object: &Value) -> io::Result<String> {
    serde_saphyr::to_string(object).map_err(io::Error::other)
}

fn diff(one: &Reviewed<'_>) -> io::Result<String> {
    let (before, after) = (yaml(&one.manifest.object)?, yaml(&one.object)?);
    if before == after {
        return Ok(String::new());
    }
    let title = format!("{} ({})", one.title(), one.manifest.origin);
    Ok(TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(3)
        .header(&title, &format!("{} as the cluster gets it", one.title()))
        .to_string())
}

fn patch(one: &Reviewed<'_>) -> Option<Value> {
    let verdict = one.verdict.as_ref()?;
    Some(json!({"origin": one.manifest.origin.to_string(), "object": one.title(), "patch": verdict.patch}))
}

fn table(reviewed: &[Reviewed<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["ORIGIN", "OBJECT", "VERDICT", "FILLED IN", "WARNINGS", "PROBLEMS"]);
    for one in reviewed {
        let counts = one.verdict.as_ref().map_or_else(Default::default, |verdict| {
            let filled_in = if verdict.admits() { verdict.patch.0.len() } else { 0 };
            [filled_in, verdict.warnings.len(), verdict.violations.len()].map(|count| count.to_string())
        });
        let [changes, warnings, problems] = counts;
        let verdict = one.verdict.as_ref().map_or("no module", word).to_owned();
        table.add_row([one.manifest.origin.to_string(), one.title(), verdict, changes, warnings, problems]);
    }
    table.trim_fmt() + "\n"
}

fn word(verdict: &Verdict) -> &'static str {
    if verdict.admits() { "admitted" } else { "refused" }
}
