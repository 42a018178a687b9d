//! What the roles that ship allow, one right at a time.

use std::collections::BTreeSet;
use std::{fmt, fs};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::super::{NAME, in_repository, objects};

/// One verb on the resources of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    group: String,
    /// With the subresource, if it is about one: `deployments/scale`.
    resource: String,
    verb: String,
}

/// The roles that ship, and who has them.
pub(super) struct Roles(Vec<Value>);

impl Right {
    pub(super) fn new(verb: &str, resource: &str, group: &str) -> Self {
        Self { verb: verb.to_owned(), resource: resource.to_owned(), group: group.to_owned() }
    }

    /// The rights that a text says an account lacks, in the API server's own words.
    pub(super) fn refused_in(text: &str) -> BTreeSet<Self> {
        // Some errors are logged as they would stand in a source.
        let text = text.replace('\\', "");
        let read = |refusal: &str| {
            let (verb, rest) = refusal.split_once(" resource \"")?;
            let (resource, rest) = rest.split_once("\" in API group \"")?;
            Some(Self::new(verb, resource, rest.split_once('"')?.0))
        };
        text.split(" cannot ").filter_map(read).collect()
    }
}

/// As `kubectl auth can-i` takes it.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, subresource) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        write!(f, "{} {kind}", self.verb)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !subresource.is_empty() {
            write!(f, "/{subresource}")?;
        }
        Ok(())
    }
}

impl Roles {
    /// As they are in the manifests.
    pub(super) fn shipped() -> Result<Self> {
        let all = objects(&fs::read_to_string(in_repository("deploy/manifests/rbac.yaml"))?)?;
        ensure!(all.iter().filter(|object| object["rules"].is_array()).count() == 2, "{all:?}");
        Ok(Self(all))
    }

    /// All rights that they give.
    pub(super) fn rights(&self) -> BTreeSet<Right> {
        let rules = self.0.iter().flat_map(|role| each(&role["rules"])).flat_map(single);
        rules.map(|(right, _)| right).collect()
    }

    /// What they let it write, with the subresource if it is about one.
    pub(super) fn written(&self) -> BTreeSet<String> {
        let rights = self.rights().into_iter();
        let writes = rights.filter(|right| !["get", "list", "watch"].contains(&right.verb.as_str()));
        writes.map(|right| right.resource).collect()
    }

    /// The same for the account `name` in the Namespace `name`, and for objects of that name, less one right.
    pub(super) fn of(&self, name: &str, less: Option<&Right>) -> Result<Vec<Value>> {
        let roles = self.0.iter().map(|role| {
            let mut role: Value = serde_json::from_str(&role.to_string().replace(NAME, name))?;
            if role["rules"].is_array() {
                let kept = each(&role["rules"]).flat_map(single).filter(|(right, _)| Some(right) != less);
                let kept: Value = kept.map(|(_, rule)| rule).collect();
                role["rules"] = kept;
            }
            Ok(role)
        });
        roles.collect()
    }
}

/// The rules that give one right each, and are together what this one is.
fn single(rule: &Value) -> Vec<(Right, Value)> {
    let mut rules = Vec::new();
    for group in texts(&rule["apiGroups"]) {
        for resource in texts(&rule["resources"]) {
            for verb in texts(&rule["verbs"]) {
                let mut one = rule.clone();
                one["apiGroups"] = json!([group]);
                one["resources"] = json!([resource]);
                one["verbs"] = json!([verb]);
                rules.push((Right::new(verb, resource, group), one));
            }
        }
    }
    rules
}

/// What to ask to know that a role is in force: for a right that it gives, as `resourceAttributes` of a review.
pub(super) fn question(role: &Value) -> Result<Value> {
    let rule = role["rules"].get(0).context("a role without rules")?;
    let (resource, subresource) = rule["resources"][0].as_str().and_then(|it| it.split_once('/')).unzip();
    Ok(json!({
        "namespace": role["metadata"]["namespace"],
        "verb": rule["verbs"][0],
        "group": rule["apiGroups"][0],
        "resource": resource.map_or_else(|| rule["resources"][0].clone(), Value::from),
        "subresource": subresource,
        "name": rule["resourceNames"][0],
    }))
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    each(list).filter_map(Value::as_str)
}
