//! Fields have the JSON types that Kubernetes gives them. The API server finds others before it calls the webhook;
//! `warden review` reads files that were not checked before.

use super::Context;
use crate::module::shape;
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "field-types",
    severity: Severity::Deny,
    broken_when: "a field has another JSON type than the API gives it",
    scope: Scope::BeforeAll,
    check,
    vital: Some(Vital {
        why: "a field of another type cannot be stored, and warden cannot check it further",
        check_owned: check,
    }),
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let misshapen = shape::check(context.workload.kind(), context.workload.object()).into_iter();
    misshapen
        .map(|misshapen| {
            let remedy = match (misshapen.expected, misshapen.found) {
                ("a string", "a number" | "true or false") => "put the value in quotes".to_owned(),
                (expected, _) => format!("make it {expected}"),
            };
            let problem = format!("must be {}, and is {}", misshapen.expected, misshapen.found);
            Violation::type_invalid(misshapen.field, problem, remedy)
        })
        .collect()
}
