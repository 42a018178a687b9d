//! A manifest that looks like a module is one. Otherwise ModuleController and warden ignore it, and nothing says why no base has it.
//!
//! This rule alone is also checked on other objects than modules. Their users may have meant something else, so by default it warns.

use serde_json::Value;

use super::Context;
use crate::module::{Container, FieldPath, Kind, Metadata, Template, Workload};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "meant-as-module",
    severity: Severity::Warn,
    broken_when: "an object looks like a module but is not one: its component label is misspelt, missing or not on the template, or it is \
                  of an older Koupleless or of an API that Kubernetes no longer serves",
    scope: Scope::AnyObject,
    check,
    vital: None,
};

/// How many edits a misspelt key is away from the right one, at most. Keys of other tools are further away.
const MISSPELT: usize = 4;

fn check(context: &Context<'_>) -> Vec<Violation> {
    of_workload(context.workload)
}

/// What is wrong with an object of a kind that warden does not read: one of ModuleController V1, or of an API that is gone.
pub(super) fn of_other_kind(object: &Value) -> Vec<Violation> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if keys::V1_GROUPS.contains(&group) && kind.starts_with(keys::V1_KINDS) {
        return vec![of_version_1(object, kind)];
    }
    let served = |kind: &Kind| matches!(kind, Kind::Deployment | Kind::DaemonSet | Kind::ReplicaSet);
    match Kind::of(Kind::Deployment.group(), kind).filter(|kind| group == "extensions" && served(kind)) {
        Some(kind) => of_gone_api(Workload::new(kind, object), api_version),
        None => Vec::new(),
    }
}

fn of_workload(workload: Workload<'_>) -> Vec<Violation> {
    if workload.is_module() {
        return Vec::new();
    }
    let first = of_first_dialect(workload);
    let unlabelled = unlabelled(workload, !first.is_empty());
    if unlabelled.is_empty() { Vec::new() } else { [unlabelled, first].concat() }
}

fn of_gone_api(workload: Workload<'_>, api_version: &str) -> Vec<Violation> {
    let others = of_workload(workload);
    if !workload.is_module() && others.is_empty() {
        return Vec::new();
    }
    let problem = format!("Kubernetes has not served {api_version} since 1.16");
    let remedy = format!("write apiVersion: {}/v1", workload.kind().group());
    let warning = format!("taken for a module: {problem}: {remedy}");
    let gone = Violation::invalid(FieldPath::root().field("apiVersion"), problem, remedy).or_warn(warning);
    [vec![gone], others].concat()
}

/// What keeps the Pods from being modules, as far as a label tells that they are meant as such, or their containers do.
fn unlabelled(workload: Workload<'_>, is_of_first_dialect: bool) -> Vec<Violation> {
    let (key, value) = (keys::COMPONENT.current, keys::COMPONENT_MODULE);
    let template = workload.template();
    let path = template.metadata().label_path(key);
    let place = place(workload);
    let remedy = format!("add the label {key}: {value} to the {place}");
    if workload.kind() != Kind::Pod && workload.metadata().says(keys::COMPONENT, value) {
        let problem = format!("taken for a module: its label {key} is on the {}, not on its template", workload.kind());
        let warning = format!("taken for a module: {key} must be on the template, not on the {}", workload.kind());
        return vec![Violation::required(path, problem, remedy).or_warn(warning)];
    }
    let in_template = misspelt(&template.metadata());
    if let Some((misspelt, its_value)) = in_template.or_else(|| misspelt(&workload.metadata())) {
        let problem =
            format!("taken for a module by its label {misspelt}: {its_value}, which ModuleController does not read");
        let set = format!("set label {key}: {value} on the {place}");
        let (warning, remedy) = if in_template == Some((misspelt, value)) {
            let rename = format!("rename label {misspelt} to {key}");
            (format!("taken for a module: {rename}"), format!("{rename} on the {place}"))
        } else {
            (format!("taken for a module: {set}"), set)
        };
        return vec![Violation::required(path, problem, remedy).or_warn(warning)];
    }
    if is_of_first_dialect || template.containers().iter().any(is_jar_with_version) {
        let problem =
            format!("taken for a module, but its Pods lack label {key}: {value}, so ModuleController ignores them");
        let warning = format!("taken for a module: the {place} lacks label {key}: {value}");
        return vec![Violation::required(path, problem, remedy).or_warn(warning)];
    }
    Vec::new()
}

fn place(workload: Workload<'_>) -> &'static str {
    if workload.kind() == Kind::Pod { "Pod" } else { "template" }
}

fn is_jar_with_version(container: &Container<'_>) -> bool {
    container.is_module()
        && [keys::BIZ_VERSION, keys::BIZ_VERSION_FIRST].iter().any(|name| container.has_variable(name))
}

/// A label that is almost the one that makes a module.
fn misspelt<'a>(metadata: &Metadata<'a>) -> Option<(&'a str, &'a str)> {
    let right = keys::COMPONENT.all();
    metadata.labels().find(|(key, value)| {
        let value = value.to_ascii_lowercase();
        // The API server checks the length of a key only after this, and each byte is compared with all of the right ones.
        let is_near = || {
            let mut alike = right.iter().filter(|right| key.len().abs_diff(right.len()) <= MISSPELT);
            alike.any(|right| strsim::osa_distance(key, right) <= MISSPELT)
        };
        // Nodes have this label, too.
        value.starts_with(keys::COMPONENT_MODULE) && (right.contains(key) || is_near())
    })
}

/// What is left of the first design of ModuleController V2.
fn of_first_dialect(workload: Workload<'_>) -> Vec<Violation> {
    let template = workload.template();
    let containers = template.containers();
    let variable = containers
        .iter()
        .find(|container| container.has_variable(keys::BIZ_VERSION_FIRST) && container.literal_version().is_none());
    let labels = template.metadata();
    let label = variable.and_then(|container| {
        let is_its = |(key, _): &(&str, &str)| key.strip_prefix(keys::MODULE_PREFIX) == Some(container.name());
        labels.labels().find(is_its).map(|(key, _)| key)
    });
    let base = keys_of_bases(&template).into_iter().find(|(_, key)| key.starts_with(keys::BASE_PREFIX_FIRST));
    // The variable alone may be that of anything.
    let is_one = label.is_some() || base.is_some() || variable.is_some_and(Container::is_module);
    if !is_one {
        return Vec::new();
    }
    let variable = variable.map(|container| {
        let (first, now) = (keys::BIZ_VERSION_FIRST, keys::BIZ_VERSION);
        let problem = format!("{first} is a name of the first Koupleless V2, which no release reads");
        let remedy = format!("rename it to {now}");
        let warning = format!("taken for a module: rename {first} to {now}");
        Violation::required(container.path().field("env"), problem, remedy).or_warn(warning)
    });
    let label = label.map(|key| {
        let problem = format!("{key} is a label of the first Koupleless V2, which no release reads");
        let warning = format!("taken for a module: remove label {key}, which no release reads");
        Violation::invalid(labels.label_path(key), problem, "remove it: warden labels the Pods itself").or_warn(warning)
    });
    let base = base.map(|(path, key)| {
        let (name, version) = (keys::BASE_NAME, keys::BASE_VERSION);
        let problem = format!("no base has label {key}, a name of the first Koupleless V2");
        let remedy = format!("select the bases by {name} and {version} instead");
        let warning = format!("taken for a module: select bases by {name} and version, not by {key}");
        Violation::invalid(path, problem, remedy).or_warn(warning)
    });
    [variable, label, base].into_iter().flatten().collect()
}

/// The keys by which a template selects its nodes, with their paths.
fn keys_of_bases<'a>(template: &Template<'a>) -> Vec<(FieldPath, &'a str)> {
    let selector = template.spec_path().field("nodeSelector");
    let in_selector = template.node_selector_keys().into_iter().map(|key| (selector.key(key), key));
    let terms = template.node_terms().unwrap_or_default();
    let in_terms = terms.iter().flat_map(|term| term.expressions()).map(|expression| (expression.path, expression.key));
    in_selector.chain(in_terms).collect()
}

fn of_version_1(object: &Value, kind: &str) -> Violation {
    let problem = format!("{kind} is a kind of ModuleController V1, which V2 and warden do not read");
    let at = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    // A Module has it in its spec, the others in their template.
    let module = |field: &str| {
        let in_template = at(&format!("/spec/template/spec/module/{field}"));
        in_template.or_else(|| at(&format!("/spec/module/{field}"))).unwrap_or("…").to_owned()
    };
    let (key, value) = (keys::COMPONENT.current, keys::COMPONENT_MODULE);
    let peer = match object.pointer("/spec/replicas").and_then(Value::as_i64) {
        Some(-1) => {
            format!(", and with the label {}: {} instead of replicas: -1", keys::STRATEGY.current, keys::STRATEGY_PEER)
        }
        _ => String::new(),
    };
    let remedy = format!(
        "write a Deployment whose template has label {key}: {value} and a container named {}, with image {} and {} {:?}{peer}",
        module("name"),
        module("url"),
        keys::BIZ_VERSION,
        module("version"),
    );
    let warning = format!(
        "taken for a module of ModuleController V1, which V2 does not read: write a Deployment instead of this {kind}"
    );
    Violation::invalid(FieldPath::root().field("kind"), problem, remedy).or_warn(warning)
}
