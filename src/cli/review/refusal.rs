//! What a refusal of the API server adds to what the review found itself.

use kube::core::Status;

use crate::policy::Violation;
use crate::vocabulary as keys;

/// How the API server begins the refusal of a webhook. The webhook's name follows in quotes.
const OF_A_WEBHOOK: &str = "admission webhook \"";
/// What the API server writes between a webhook's name and its words.
const DENIED: &str = "\" denied the request: ";

/// Why the API server refuses an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// All of it in one text.
    message: String,
    /// One by one, where the API server says so: field and text.
    causes: Vec<(String, String)>,
}

/// What a [`Refusal`] adds to the violations of a review.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The problems that the review did not find.
    pub(super) problems: Vec<String>,
    /// The API server's words about problems that are among the violations, where its words differ from theirs.
    pub(super) words: Option<String>,
}

impl Refusal {
    /// A refusal with this text alone.
    pub(super) fn new(message: String) -> Self {
        Self { message, causes: Vec::new() }
    }

    /// What a [`Status`] says.
    pub(super) fn of(status: &Status) -> Self {
        let causes = status.details.iter().flat_map(|details| &details.causes);
        let causes = causes.map(|cause| (cause.field.clone(), cause.message.clone())).collect();
        Self { message: status.message.trim_end().to_owned(), causes }
    }

    /// Whether it is about this violation: it names its field. The API server writes paths in more than one way, so the last
    /// name counts.
    pub(super) fn names(&self, violation: &Violation) -> bool {
        let last = violation.field.segments().iter().rev().find_map(|segment| segment.name());
        last.is_some_and(|last| has_word(&self.message, last))
    }

    /// What it adds to these violations.
    pub(super) fn told_beside(&self, violations: &[Violation]) -> Told {
        if self.is_of_warden() && !self.causes.is_empty() {
            let is_told = |(field, text): &&(String, String)| {
                violations.iter().any(|one| one.field.to_string() == *field && one.message() == *text)
            };
            let untold = self.causes.iter().filter(|cause| !is_told(cause));
            return Told { problems: untold.map(|(field, text)| format!("{field}: {text}")).collect(), words: None };
        }
        let is_known = |field: &str| violations.iter().any(|one| one.field.to_string() == field);
        let is_told = if self.causes.is_empty() {
            !self.is_of_a_webhook() && violations.iter().any(|violation| self.names(violation))
        } else {
            self.causes.iter().all(|(field, _)| is_known(field))
        };
        let message = self.message.clone();
        if is_told {
            Told { problems: Vec::new(), words: Some(message) }
        } else {
            Told { problems: vec![message], words: None }
        }
    }

    fn is_of_a_webhook(&self) -> bool {
        self.message.starts_with(OF_A_WEBHOOK)
    }

    fn is_of_warden(&self) -> bool {
        let name = self.message.strip_prefix(OF_A_WEBHOOK).and_then(|rest| rest.split_once(DENIED));
        name.is_some_and(|(name, _)| name.ends_with(keys::WARDEN_PREFIX.trim_end_matches('/')))
    }
}

/// Whether `text` has `word` between characters that no name of a field has.
fn has_word(text: &str, word: &str) -> bool {
    let is_of_name = |character: char| character.is_alphanumeric() || "-_/".contains(character);
    text.match_indices(word)
        .any(|(start, _)| !text[..start].ends_with(is_of_name) && !text[start + word.len()..].starts_with(is_of_name))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::module::FieldPath;

    fn violation(name: &'static str) -> Violation {
        Violation::invalid(FieldPath::root().fields(&["spec", name]), "is odd", "change it")
    }

    fn refusal(message: &str, fields: &[&str]) -> Refusal {
        let text = "is odd. To fix it: change it.";
        let causes = fields.iter().map(|field| ((*field).to_owned(), text.to_owned())).collect();
        Refusal { message: message.to_owned(), causes }
    }

    #[test]
    fn of_wardens_refusal_only_what_is_new_is_told() {
        let message =
            "admission webhook \"templates.validate.warden.koupleless.io\" denied the request: 2 problems:\n…";
        let told = refusal(message, &["spec.image", "spec.env"]).told_beside(&[violation("image")]);
        assert_eq!(told.problems, ["spec.env: is odd. To fix it: change it."]);
        assert_eq!(told.words, None);
    }

    #[rstest]
    #[case::of_another_type(".spec.replicas: expected numeric (int or float), got string", &[], "replicas", true)]
    #[case::of_another_field(".spec.replica: field not declared in schema", &[], "replicas", false)]
    #[case::with_its_field("Deployment \"a\" is invalid: spec.name: Invalid value", &["spec.name"], "name", true)]
    #[case::with_a_field_besides("Deployment \"a\" is invalid: [spec.name, spec.b]", &["spec.name", "spec.b"], "name", false)]
    #[case::of_another_webhook("admission webhook \"a.example.com\" denied the request: replicas", &[], "replicas", false)]
    fn the_words_of_the_api_server_are_a_problem_of_their_own_unless_the_field_is_told(
        #[case] message: &str,
        #[case] fields: &[&str],
        #[case] told: &'static str,
        #[case] is_told: bool,
    ) {
        let told = refusal(message, fields).told_beside(&[violation(told)]);
        assert_eq!(told.problems.is_empty(), is_told, "{told:?}");
        assert_eq!(told.words.is_some(), is_told, "{told:?}");
    }
}
