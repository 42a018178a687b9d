//! The jar's file is named after the module and its version. Where the jar's manifest differs from the Pod, too,
//! ModuleController uninstalls the module within 15 s.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "jar-file-name",
    severity: Severity::Warn,
    broken_when: "the jar's file has another name or version than the module",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for module in context.template.containers().iter().filter(|container| container.is_module()) {
        let Some(jar) = module.jar_name() else { continue };
        if jar.name != module.name() {
            let name = module.name();
            let problem = format!("the jar is named {}, and the container {name}", jar.name);
            let remedy = "name the container and the jar's file after the bizName in its manifest";
            let warning = format!("the jar is named {}, the container {name}: is that the jar's bizName?", jar.name);
            violations.push(Violation::invalid(module.path().field("name"), problem, remedy).or_warn(warning));
        }
        if let Some(version) = module.literal_version().filter(|version| *version != jar.version) {
            let problem = format!("the jar's file name has version {}, but BIZ_VERSION is {version}", jar.version);
            let remedy = "set BIZ_VERSION and the jar's file name to the version in its manifest";
            violations.push(Violation::invalid(module.path().field("image"), problem, remedy));
        }
    }
    violations
}
