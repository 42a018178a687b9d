//! `BIZ_VERSION` is one that a base accepts and that ModuleController reads as the user means it.

use super::Context;
use crate::module::{BizVersion, Container, LabelValueError, check_version, placeholder};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "biz-version",
    severity: Severity::Deny,
    broken_when: "`BIZ_VERSION` is missing, empty, a reference, not a label value, has a `:`, or is set twice with different \
                  values",
    scope: Scope::ChangedTemplate,
    check,
    vital: Some(Vital {
        why: "a base refuses the module, or ModuleController reads another version",
        check_owned: check_what_no_base_accepts,
    }),
};

const REMEDY: &str = "set BIZ_VERSION to the version in the jar's manifest, as a literal value";
/// Where the jar's own version may be the wrong one.
const OR_BUILD: &str = "set BIZ_VERSION to the version in the jar's manifest; if that is the same, build the jar with a version that can be one";

fn check(context: &Context<'_>) -> Vec<Violation> {
    let containers = context.meant_as_modules();
    containers
        .iter()
        .flat_map(|container| conflicting(container).into_iter().chain(first(container, |_| true)))
        .collect()
}

/// Only the versions with which no base runs the module.
fn check_what_no_base_accepts(context: &Context<'_>) -> Vec<Violation> {
    let matters = |error: &LabelValueError| matches!(error, LabelValueError::Empty | LabelValueError::Colon);
    context.meant_as_modules().iter().filter_map(|container| first(container, matters)).collect()
}

/// The first entry whose version differs from that of the first of all.
fn conflicting(container: &Container<'_>) -> Option<Violation> {
    let read = container.biz_version();
    let (path, _) = container.biz_versions().find(|(_, version)| *version != read)?;
    let problem = "BIZ_VERSION is set twice with different values, and the bases get the first";
    Some(Violation::duplicate(path, problem, "keep the one in the jar's manifest"))
}

/// What is wrong with the first entry, which is the one that ModuleController reads.
fn first(container: &Container<'_>, matters: impl Fn(&LabelValueError) -> bool) -> Option<Violation> {
    let Some((path, first)) = container.biz_versions().next() else {
        let problem = "BIZ_VERSION is missing, and a base refuses a module without a version";
        let remedy = if container.has_variable(keys::BIZ_VERSION_FIRST) {
            format!("rename {} to {}", keys::BIZ_VERSION_FIRST, keys::BIZ_VERSION)
        } else {
            REMEDY.to_owned()
        };
        return Some(Violation::required(container.path().field("env"), problem, remedy));
    };
    match first {
        BizVersion::Missing => None,
        BizVersion::Reference => {
            let problem = "BIZ_VERSION comes from a reference, which ModuleController reads as empty";
            Some(Violation::invalid(path.field("valueFrom"), problem, REMEDY))
        }
        BizVersion::Literal(version) => {
            let error = check_version(version).err().filter(matters)?;
            let (path, problem) = (path.field("value"), format!("BIZ_VERSION {version:?} {error}"));
            Some(match error {
                LabelValueError::Empty => Violation::required(path, problem, REMEDY),
                _ => Violation::invalid(path, problem, remedy(version)),
            })
        }
    }
}

/// The jar's manifest may have the very version that cannot be used, such as `1.0.0+7` of SemVer. Then the jar has to be built anew.
fn remedy(version: &str) -> String {
    if let Some(placeholder) = placeholder(version) {
        return format!("replace {placeholder} by the version before the manifest is applied");
    }
    match usable(version) {
        Some(usable) => {
            format!("set BIZ_VERSION to {usable:?}, and build the jar under that version: the two must agree")
        }
        None => OR_BUILD.to_owned(),
    }
}

/// The version that is nearest to `version` among those that can be used.
fn usable(version: &str) -> Option<String> {
    let inner = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let usable: String = version.trim().chars().map(inner).collect();
    let usable = usable.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    (version.is_ascii() && check_version(usable).is_ok()).then(|| usable.to_owned())
}
