//! Refused: fields of a wrong JSON type. The API server finds them first; offline nobody else does.

use super::Scene;
use crate::module::shape;
use crate::policy::{Fault, Found, Rule};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for misshapen in shape::check(scene.workload.kind(), scene.workload.object()) {
        let remedy = match (misshapen.expected, misshapen.found) {
            ("a string", "a number" | "true or false") => "put the value in quotes".to_owned(),
            (expected, _) => format!("make it {expected}"),
        };
        let problem = format!("must be {}, and is {}", misshapen.expected, misshapen.found);
        found.note(Rule::FieldTypes, misshapen.field, Fault::Type, problem, remedy);
    }
}
