//! Warned: requests for what vnodes do not offer. Such a Pod is never scheduled.

use super::Scene;
use crate::module::Container;
use crate::policy::{Fault, Found, Rule};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for resource in ["cpu", "ephemeral-storage"] {
        let asks = |container: &Container<'_>| container.asks_for(resource);
        if let Some(container) = scene.template.containers().into_iter().find(asks) {
            let name = container.name();
            let problem = format!("container {name} asks for {resource}, which no base offers: it is never scheduled");
            let field = container.path().field("resources");
            found.note(Rule::Resources, field, Fault::Invalid, problem, format!("ask for no {resource}"));
        }
    }
}
