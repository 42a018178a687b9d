//! `admission.k8s.io/v1` AdmissionReview, as the API server sends and expects it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::policy::{Patch, Violation, Warning};

/// The one version of the envelope that exists since Kubernetes 1.22.
const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// What the API server asks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Names this review; the answer must repeat it.
    pub uid: String,
    /// The kind of the object.
    pub kind: GroupVersionKind,
    /// The resource that is written to.
    #[serde(default)]
    pub resource: GroupVersionResource,
    /// The subresource that is written, if it is one (`scale`, `status`).
    #[serde(default)]
    pub sub_resource: Option<String>,
    /// The object's name; empty where it is yet to be generated.
    #[serde(default)]
    pub name: String,
    /// The object's namespace.
    #[serde(default)]
    pub namespace: String,
    /// What is done to the object.
    pub operation: Operation,
    /// The user that made the request.
    #[serde(default)]
    pub user_info: UserInfo,
    /// Whether nothing will be stored.
    #[serde(default)]
    pub dry_run: bool,
    /// The object as it would be stored; null for a deletion.
    #[serde(default)]
    pub object: Value,
    /// The object as it is stored; null for a creation.
    #[serde(default)]
    pub old_object: Value,
}

/// A kind by its full name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The API version.
    #[serde(default)]
    pub version: String,
    /// The name.
    pub kind: String,
}

/// A resource by its full name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct GroupVersionResource {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The API version.
    #[serde(default)]
    pub version: String,
    /// The name, in the plural.
    #[serde(default)]
    pub resource: String,
}

/// A user of the API server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct UserInfo {
    /// The name; of a service account `system:serviceaccount:NAMESPACE:NAME`.
    #[serde(default)]
    pub username: String,
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// A client connects to it.
    Connect,
}

/// Why a body is no AdmissionReview.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// It is no JSON; the message says at which line and column.
    #[error("the body is no JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// It is JSON of another sort.
    #[error("the body is no {API_VERSION} {KIND}: {reason}")]
    Review {
        /// The review's uid, where one could be read.
        uid: Option<String>,
        /// What is wrong.
        reason: String,
    },
}

/// What we answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The object may pass as it is.
    Allow,
    /// The object may pass, changed by this patch, which is not empty.
    Patch(Patch),
    /// The object may not pass.
    Deny(Denial),
    /// The object may not be written by who asks for it.
    Forbid(ScaleForbidden),
}

/// Why an object may not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The kind of the object.
    pub kind: GroupVersionKind,
    /// The name of the object, as far as it has one.
    pub name: String,
    /// Everything that is wrong; at least one.
    pub violations: Vec<Violation>,
}

/// A write that another user has to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleForbidden {
    /// The resource of the object.
    pub resource: GroupVersionResource,
    /// The name of the object.
    pub name: String,
    /// Why it may not be written, and what to do instead.
    pub message: String,
}

impl Operation {
    /// The name as the API server writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

impl Request {
    /// Reads the body of a call.
    ///
    /// # Errors
    /// When it is no JSON, or no AdmissionReview with a request.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut review: Value = serde_json::from_slice(body).map_err(DecodeError::Json)?;
        let uid = review.pointer("/request/uid").and_then(Value::as_str).map(str::to_owned);
        let wrong = |reason: String| DecodeError::Review { uid: uid.clone(), reason };
        for (field, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
            if review.get(field).and_then(Value::as_str) != Some(expected) {
                return Err(wrong(format!("{field} is not {expected:?}")));
            }
        }
        let request = review.get_mut("request").map(Value::take).unwrap_or_default();
        if !request.is_object() {
            return Err(wrong("it holds no request".to_owned()));
        }
        serde_json::from_value(request).map_err(|error| wrong(format!("request: {error}")))
    }
}

impl Answer {
    /// Whether the object may pass.
    fn allows(&self) -> bool {
        matches!(self, Self::Allow | Self::Patch(_))
    }

    /// The answer to the review `uid`, ready to be sent.
    pub fn encode(&self, uid: &str, warnings: &[Warning]) -> Value {
        let mut response = json!({"uid": uid, "allowed": self.allows()});
        match self {
            Self::Allow => {}
            Self::Patch(patch) => {
                // A patch is operations, paths and JSON values; writing those as JSON cannot fail.
                let operations = serde_json::to_vec(patch).unwrap_or_default();
                response["patchType"] = json!("JSONPatch");
                response["patch"] = json!(STANDARD.encode(operations));
            }
            Self::Deny(denial) => response["status"] = denial.status(),
            Self::Forbid(forbidden) => response["status"] = forbidden.status(),
        }
        if !warnings.is_empty() {
            response["warnings"] = warnings.iter().map(Warning::text).collect();
        }
        review(response)
    }
}

impl ScaleForbidden {
    /// `kubectl` shows this message as it stands, and a HorizontalPodAutoscaler puts it into its condition `AbleToScale`.
    fn status(&self) -> Value {
        json!({
            "metadata": {},
            "status": "Failure",
            "code": 403,
            "reason": "Forbidden",
            "message": self.message,
            "details": {"group": self.resource.group, "kind": self.resource.resource, "name": self.name},
        })
    }
}

impl Denial {
    fn status(&self) -> Value {
        let causes: Vec<Value> = self
            .violations
            .iter()
            .map(|violation| {
                json!({
                    "reason": violation.cause.name(),
                    "field": violation.field.to_string(),
                    "message": violation.message(),
                })
            })
            .collect();
        json!({
            "metadata": {},
            "status": "Failure",
            "code": 422,
            "reason": "Invalid",
            "message": self.message(),
            "details": {
                "group": self.kind.group,
                "kind": self.kind.kind,
                "name": self.name,
                "causes": causes,
            },
        })
    }

    /// All problems in one text, a line each.
    fn message(&self) -> String {
        let count = match self.violations.len() {
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        let head = format!("{} {:?} cannot work as a Koupleless module, {count}:", self.kind.kind, self.name);
        self.violations.iter().fold(head, |text, violation| format!("{text}\n* {violation}"))
    }
}

/// A failure of the call itself, with the uid of its review where that is known.
pub fn failure(uid: Option<&str>, code: u16, reason: &str, message: &str) -> Value {
    let status = json!({
        "metadata": {},
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    });
    match uid {
        Some(uid) => review(json!({"uid": uid, "allowed": false, "status": status})),
        None => {
            let mut status = status;
            status["apiVersion"] = json!("v1");
            status["kind"] = json!("Status");
            status
        }
    }
}

fn review(response: Value) -> Value {
    json!({"apiVersion": API_VERSION, "kind": KIND, "response": response})
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::module::FieldPath;

    #[rstest]
    #[case::no_json("{\"a\": ", "line 1 column 6", None)]
    #[case::no_review("{\"request\": {\"uid\": \"u\"}}", "apiVersion is not", Some("u"))]
    #[case::no_request("{\"apiVersion\": \"admission.k8s.io/v1\", \"kind\": \"AdmissionReview\"}", "no request", None)]
    #[case::odd_operation(
        "{\"apiVersion\": \"admission.k8s.io/v1\", \"kind\": \"AdmissionReview\", \"request\": {\"uid\": \"u\", \"kind\": {\"kind\": \"Pod\"}, \"operation\": \"SING\"}}",
        "unknown variant `SING`",
        Some("u")
    )]
    fn a_body_that_is_no_review_is_told_where(#[case] body: &str, #[case] where_: &str, #[case] uid: Option<&str>) {
        let error = Request::decode(body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(where_), "{error}");
        if let DecodeError::Review { uid: read, .. } = error {
            assert_eq!(read.as_deref(), uid);
        }
    }

    #[test]
    fn deep_nesting_and_broken_text_are_refused_and_do_not_panic() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(matches!(Request::decode(&deep), Err(DecodeError::Json(_))));
        assert!(matches!(Request::decode(b"\"\xff\xfe\""), Err(DecodeError::Json(_))));
    }

    #[test]
    fn a_denial_names_every_problem() {
        let violation = |field| Violation::required(FieldPath::root().field(field), "is missing", "add it");
        let kind =
            GroupVersionKind { group: "apps".to_owned(), version: "v1".to_owned(), kind: "Deployment".to_owned() };
        let denial =
            Denial { kind, name: "biz1".to_owned(), violations: vec![violation("spec"), violation("metadata")] };
        let answer = Answer::Deny(denial).encode("u1", &[]);
        assert_eq!(answer["response"]["uid"], "u1");
        assert_eq!(answer["response"]["allowed"], false);
        let status = &answer["response"]["status"];
        assert_eq!(status["code"], 422);
        assert_eq!(status["details"]["causes"][1]["field"], "metadata");
        assert_eq!(
            status["message"],
            "Deployment \"biz1\" cannot work as a Koupleless module, 2 problems:\n\
             * spec: is missing. To fix it: add it.\n* metadata: is missing. To fix it: add it."
        );
    }
}
