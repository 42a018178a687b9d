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
        let Verdict { violations, warnings, .. } = &one.verdict;
        if one.is_admitted() && warnings.is_empty() && one.not_asked.is_none() {
            continue;
        }
        text.push_str(&format!("{}: {}: {}\n", one.manifest.origin, one.title(), one.word()));
        for violation in violations {
            text.push_str(&format!("  problem: {violation}\n"));
        }
        if let Some(told) = &one.refused_by_server {
            for problem in &told.problems {
                text.push_str(&format!("  problem: the API server refuses it: {problem}\n"));
            }
            if let Some(words) = &told.words {
                text.push_str(&format!("  the API server says: {words}\n"));
            }
        }
        for warning in warnings {
            text.push_str(&format!("  warning: {warning}\n"));
        }
        if let Some(reason) = &one.not_asked {
            text.push_str(&format!("  warning: the API server was not asked: {reason}\n"));
        }
    }
    text
}

/// The objects, or their Pods, in the requested format.
pub(super) fn objects(output: Output, pods: bool, reviewed: &[Reviewed<'_>]) -> io::Result<String> {
    let printed = admitted(reviewed).filter_map(|one| one.printed(pods));
    match output {
        Output::Yaml => {
            let documents: io::Result<Vec<String>> = printed.map(|it| yaml(it.after)).collect();
            Ok(documents?.join("---\n"))
        }
        Output::Json => {
            let objects: Vec<&Value> = printed.map(|it| it.after).collect();
            let text = match objects.as_slice() {
                [] => return Ok(String::new()),
                [one] => serde_json::to_string_pretty(one)?,
                many => serde_json::to_string_pretty(&json!({"apiVersion": "v1", "kind": "List", "items": many}))?,
            };
            Ok(text + "\n")
        }
        Output::Diff if pods => printed.map(|it| it.diff()).collect(),
        Output::Diff => {
            let both = admitted(reviewed)
                .flat_map(|one| [one.printed(false), one.pod.is_some().then(|| one.printed(true)).flatten()]);
            both.flatten().map(|it| it.diff()).collect()
        }
        Output::Patch => {
            let of_modules = admitted(reviewed).filter(|one| one.is_module);
            let patches: Vec<Value> = of_modules.filter_map(|one| one.printed(pods)).map(|it| it.patch()).collect();
            Ok(serde_json::to_string_pretty(&patches)? + "\n")
        }
        Output::Table => Ok(table(pods, reviewed)),
    }
}

/// What is printed of one object.
struct Printed<'a> {
    origin: String,
    title: String,
    /// What the object is called once it was filled in.
    becomes: &'static str,
    before: &'a Value,
    after: &'a Value,
}

impl Printed<'_> {
    fn diff(&self) -> io::Result<String> {
        let (before, after) = (yaml(self.before)?, yaml(self.after)?);
        if before == after {
            return Ok(String::new());
        }
        let title = format!("{} ({})", self.title, self.origin);
        let becomes = format!("{} {}", self.title, self.becomes);
        Ok(TextDiff::from_lines(&before, &after).unified_diff().context_radius(3).header(&title, &becomes).to_string())
    }

    fn operations(&self) -> json_patch::Patch {
        json_patch::diff(self.before, self.after)
    }

    fn patch(&self) -> Value {
        json!({"origin": self.origin, "object": self.title, "patch": self.operations()})
    }
}

impl Reviewed<'_> {
    fn title(&self) -> String {
        format!("{}/{}", self.manifest.text("kind"), self.manifest.name())
    }

    fn word(&self) -> &'static str {
        match (self.is_admitted(), self.is_module) {
            (false, _) => "refused",
            (true, true) => "admitted",
            (true, false) => "no module",
        }
    }

    /// What is printed of it: the object, or its Pod. None where there is no Pod.
    fn printed(&self, pods: bool) -> Option<Printed<'_>> {
        let origin = self.manifest.origin.to_string();
        let of_object = || Printed {
            origin: origin.clone(),
            title: self.title(),
            becomes: "as the cluster stores it",
            before: &self.manifest.object,
            after: &self.object,
        };
        match &self.pod {
            _ if !pods => Some(of_object()),
            Some((before, after)) => {
                let title = format!("the Pods of {}", self.title());
                Some(Printed { origin, title, becomes: "as the cluster runs them", before, after })
            }
            None => self.is_module.then(of_object),
        }
    }
}

/// The admitted objects, and those that are not modules. Refused ones are left out, so that they are not piped on to the
/// cluster.
fn admitted<'r, 'm>(reviewed: &'r [Reviewed<'m>]) -> impl Iterator<Item = &'r Reviewed<'m>> {
    reviewed.iter().filter(|one| one.is_admitted())
}

fn yaml(object: &Value) -> io::Result<String> {
    serde_saphyr::to_string(object).map_err(io::Error::other)
}

fn table(pods: bool, reviewed: &[Reviewed<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["ORIGIN", "NAMESPACE", "OBJECT", "VERDICT", "FILLED IN", "WARNINGS", "PROBLEMS"]);
    for one in reviewed {
        let verdict = &one.verdict;
        let is_silent = !one.is_module && one.is_admitted() && verdict.warnings.is_empty();
        let operations = one.printed(pods).map_or(0, |it| it.operations().0.len());
        let filled_in = if one.is_admitted() { operations } else { 0 };
        let [changes, warnings, problems] = [filled_in, verdict.warnings.len(), one.problems()]
            .map(|count| if is_silent { String::new() } else { count.to_string() });
        let origin = one.manifest.origin.to_string();
        let namespace = one.manifest.namespace().unwrap_or_default().to_owned();
        table.add_row([origin, namespace, one.title(), one.word().to_owned(), changes, warnings, problems]);
    }
    table.trim_fmt() + "\n"
}
