//! Why a review was refused, in a line for the log.

use super::envelope::Answer;

/// How long such a text may get, in bytes: the answer, which the client gets, says everything.
const LIMIT: usize = 500;

/// What is wrong with the object, or with who writes it; none where it may pass.
pub(super) fn of(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Allow | Answer::Patch(_) => None,
        Answer::Deny(denial) => {
            let mut text = String::new();
            for violation in &denial.violations {
                let separator = if text.is_empty() { "" } else { "; " };
                text.push_str(&format!("{separator}{}: {}", violation.field, violation.problem));
                if text.len() > LIMIT {
                    break;
                }
            }
            Some(bounded(text))
        }
        Answer::Forbid(forbidden) => Some(bounded(forbidden.message.clone())),
    }
}

/// A text for a line of the log, which a user can make as long as a request.
pub(super) fn bounded(mut text: String) -> String {
    if text.len() > LIMIT {
        text.truncate(text.floor_char_boundary(LIMIT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::envelope::{Denial, GroupVersionKind, GroupVersionResource, ScaleForbidden};
    use crate::module::FieldPath;
    use crate::policy::Violation;

    fn denied_for(problems: &[&str]) -> Answer {
        let violations = problems
            .iter()
            .map(|problem| Violation::required(FieldPath::root().field("spec"), *problem, "fix it"))
            .collect();
        let kind =
            GroupVersionKind { group: "apps".to_owned(), version: "v1".to_owned(), kind: "Deployment".to_owned() };
        Answer::Deny(Denial { kind, name: "biz1".to_owned(), violations })
    }

    #[test]
    fn what_may_pass_has_no_reason() {
        assert_eq!(of(&Answer::Allow), None);
    }

    #[test]
    fn every_problem_is_named_with_its_field() {
        assert_eq!(of(&denied_for(&["a is missing", "b is odd"])).unwrap(), "spec: a is missing; spec: b is odd");
    }

    #[test]
    fn who_may_not_write_is_told_why() {
        let forbidden = ScaleForbidden {
            resource: GroupVersionResource::default(),
            name: "biz1".to_owned(),
            message: "warden keeps that number".to_owned(),
        };
        assert_eq!(of(&Answer::Forbid(forbidden)).unwrap(), "warden keeps that number");
    }

    #[test]
    fn a_long_list_is_cut_between_two_characters() {
        let told = of(&denied_for(&["ä".repeat(400).as_str(), "b"])).unwrap();
        assert!(told.len() <= LIMIT + '…'.len_utf8() && told.ends_with("ä…"), "{told}");
    }
}
