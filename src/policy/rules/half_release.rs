//! A new version comes with its jar. While a Deployment is paused, the two may change one after the other.

use super::Context;
use super::same_version::both_at_once;
use crate::module::{Container, jar_of_url};
use crate::policy::rerelease::released_before;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "half-release",
    severity: Severity::Deny,
    broken_when: "`BIZ_VERSION` changes and the jar, whose file name has the old version, does not",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    if context.workload.is_paused() {
        return Vec::new();
    }
    let mut before = released_before(context);
    let modules = context.template.containers().into_iter().filter(Container::is_module);
    modules
        .filter_map(|module| {
            let old = before.remove(module.name()).filter(|old| jar_of_url(&old.image) == jar_of_url(module.image()))?;
            let (version, old_version) = (module.literal_version()?, old.version.as_deref()?);
            // One file name can be that of either, as `cart-1.0.0-hotfix.jar` can be that of 1.0.0 and of 1.0.0-hotfix.
            let is_of_new = || module.jar_name().is_some_and(|jar| jar.version == version);
            let is_half = version != old_version && old.jar()?.version == old_version && !is_of_new();
            let problem = format!(
                "BIZ_VERSION is {version:?} now, and the jar is still that of {old_version:?}: ModuleController uninstalls a module \
                 whose jar has another version"
            );
            let remedy = both_at_once(context, Some(version));
            is_half.then(|| Violation::forbidden(module.path().field("image"), problem, remedy))
        })
        .collect()
}
