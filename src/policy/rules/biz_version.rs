//! `BIZ_VERSION` is one that a base accepts and that ModuleController reads as the user means it.

use super::Context;
use crate::module::{BizVersion, Container, LabelValueError, check_version};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};

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
        return Some(Violation::required(container.path().field("env"), problem, REMEDY));
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
                _ => Violation::invalid(path, problem, OR_BUILD),
            })
        }
    }
}
