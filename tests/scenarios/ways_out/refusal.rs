//! What a refusal says, as far as a user does it word by word.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// How the message of a refusal begins, after the kind and the name.
const HEAD: &str = " cannot work as a Koupleless module";

/// A refusal with one problem.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    field: String,
    pub(super) problem: String,
    remedy: String,
}

impl Refusal {
    /// The one refusal in what kubectl printed.
    pub(super) fn of(printed: &str) -> Result<Self> {
        let mut all: Vec<Self> = printed.lines().filter_map(Self::in_line).collect();
        ensure!(all.len() == 1, "not one problem: {printed}");
        all.pop().context("there is none")
    }

    /// The refusals of several objects, by name.
    pub(super) fn each_of(printed: &str) -> BTreeMap<String, Self> {
        let parts = printed.split(HEAD).collect::<Vec<_>>();
        let named = parts.iter().zip(parts.iter().skip(1)).filter_map(|(before, after)| {
            let name = before.trim_end_matches('"').rsplit('"').next()?;
            Some((name.to_owned(), Self::of(after).ok()?))
        });
        named.collect()
    }

    fn in_line(line: &str) -> Option<Self> {
        let (told, remedy) = line.split_once(". To fix it: ")?;
        let told = told.rsplit_once(" is invalid: ").map_or(told, |(_, told)| told).trim_start_matches("* ");
        let (field, problem) = told.split_once(": ")?;
        let remedy = remedy.trim_end().trim_end_matches('.');
        Some(Self { field: field.to_owned(), problem: problem.to_owned(), remedy: remedy.to_owned() })
    }

    /// That the remedy says this. What a test does must be in the text.
    pub(super) fn says(&self, text: &str) -> Result<()> {
        ensure!(self.remedy.contains(text), "the remedy does not say {text:?}");
        Ok(())
    }

    /// The text of the remedy between two others.
    pub(super) fn between(&self, before: &str, after: &str) -> Result<&str> {
        let (_, rest) = self.remedy.split_once(before).with_context(|| format!("no {before:?}"))?;
        let (text, _) = rest.split_once(after).with_context(|| format!("no {after:?} after {before:?}"))?;
        Ok(text)
    }

    /// The word of the remedy after this text, without quotes.
    pub(super) fn word_after(&self, before: &str) -> Result<&str> {
        let (_, rest) = self.remedy.split_once(before).with_context(|| format!("no {before:?}"))?;
        let word = rest.split([' ', ',', ';']).next().unwrap_or_default();
        Ok(word.trim_matches('"'))
    }

    /// The `key: value` of the remedy after this text.
    pub(super) fn pair_after(&self, before: &str) -> Result<(&str, &str)> {
        let key = self.between(before, ": ")?;
        Ok((key, self.word_after(&format!("{before}{key}: "))?))
    }

    /// The two keys of the remedy after this text.
    pub(super) fn keys_after(&self, before: &str) -> Result<[&str; 2]> {
        let first = self.word_after(before)?;
        Ok([first, self.word_after(&format!("{before}{first} and "))?])
    }

    /// The commands of `kubectl rollout` that the remedy quotes, each to be run as it stands.
    pub(super) fn commands(&self) -> Vec<String> {
        let after = self.remedy.split("kubectl rollout ").skip(1);
        after
            .map(|text| {
                let words: Vec<&str> = text.split([' ', ',', ';']).take(2).collect();
                format!("kubectl rollout {}", words.join(" "))
            })
            .collect()
    }

    /// The value in `manifest` at the field that the refusal names, or at the nearest one around it: the last `up` parts of the path
    /// are left out.
    pub(super) fn field<'v>(&self, manifest: &'v mut Value, up: usize) -> Result<&'v mut Value> {
        let parts = parts(&self.field);
        let mut at = manifest;
        for part in &parts[..parts.len().saturating_sub(up)] {
            at = match part.parse::<usize>() {
                Ok(index) if at.is_array() => &mut at[index],
                _ => &mut at[part.as_str()],
            };
        }
        Ok(at)
    }

    /// The last part of the path of the field: the key of a label or an annotation.
    pub(super) fn key(&self) -> String {
        parts(&self.field).pop().unwrap_or_default()
    }
}

/// The parts of a path such as `a.b[0].labels[x.y/z]`.
fn parts(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_key = false;
    for character in path.chars() {
        match character {
            '[' => {
                parts.push(String::new());
                is_key = true;
            }
            ']' => is_key = false,
            '.' if !is_key => parts.push(String::new()),
            other => {
                if let Some(part) = parts.last_mut() {
                    part.push(other);
                }
            }
        }
    }
    parts
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. To fix it: {}", self.field, self.problem, self.remedy)
    }
}

#[test]
fn a_path_has_its_parts() {
    assert_eq!(parts("spec.containers[0].env[1].value"), ["spec", "containers", "0", "env", "1", "value"]);
    assert_eq!(parts("metadata.labels[a.b/c]"), ["metadata", "labels", "a.b/c"]);
}
