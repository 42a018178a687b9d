//! The Pod has a jar, at a URL from which a base can fetch it.

use super::Context;
use crate::module::{Container, JarUrlError};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "jar-image",
    severity: Severity::Deny,
    broken_when: "no container has a jar, or the image of a jar is not a URL: no scheme or host, or a placeholder such as \
                  `${VERSION}` that was not replaced; or an image begins or ends with a blank or a line break",
    scope: Scope::ChangedTemplate,
    check,
    vital: Some(Vital { why: "there would be nothing that a base can install", check_owned: check_that_there_is_one }),
};

const REMEDY: &str = "set the image to the URL of the jar, such as https://repo.example.com/biz1-1.0.0-ark-biz.jar";

fn check(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = check_that_there_is_one(context);
    let containers = context.template.containers();
    violations.extend(containers.iter().filter_map(check_blanks));
    let modules = containers.iter().filter(|container| container.is_module() && check_blanks(container).is_none());
    violations.extend(modules.filter_map(|container| {
        let error = container.check_jar_url().err()?;
        let problem = format!("image {:?} {error}", container.image());
        Some(Violation::invalid(container.path().field("image"), problem, remedy(error)))
    }));
    violations
}

/// The API server stores a workload with such an image, and refuses all its Pods.
fn check_blanks(container: &Container<'_>) -> Option<Violation> {
    let image = container.image();
    let problem = format!("image {image:?} begins or ends with a blank, so each of its Pods would be refused");
    let path = container.path().field("image");
    (image != image.trim()).then(|| Violation::invalid(path, problem, "remove the blank"))
}

fn remedy(error: JarUrlError<'_>) -> String {
    match error {
        JarUrlError::NotAUrl => REMEDY.to_owned(),
        JarUrlError::Placeholder(placeholder) => {
            format!("replace {placeholder} before the manifest is applied: Kubernetes replaces nothing in an image")
        }
        JarUrlError::NoHost(scheme) => format!("begin the image with {scheme}://HOST/, with two slashes"),
    }
}

/// Only that ModuleController sees a module at all.
fn check_that_there_is_one(context: &Context<'_>) -> Vec<Violation> {
    let containers = context.template.containers();
    if containers.is_empty() {
        let path = context.template.spec_path().field("containers");
        let problem = "the Pod has no container, and so no module";
        return vec![Violation::required(path, problem, "add a container with the module's name and jar")];
    }
    if containers.iter().any(Container::is_module) {
        return Vec::new();
    }
    let not_a_jar = |container: Container<'_>| {
        let image = container.image();
        let problem = format!("image {image:?} is not a jar: ModuleController counts only containers with a .jar");
        Violation::invalid(container.path().field("image"), problem, REMEDY)
    };
    containers.into_iter().map(not_a_jar).collect()
}
