//! Who wrote what and when, as the API server saw it.

use std::fs;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

use crate::ControlPlane;

/// Every write, once it is answered, without its body.
pub(crate) const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
";

/// A write that the API server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Who it was to authentication, as in `system:serviceaccount:koupleless-warden:koupleless-warden`.
    pub user: String,
    /// The User-Agent header. Empty where there was none.
    pub user_agent: String,
    /// As authorization names it: `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// The status of the answer.
    pub code: u16,
    /// When the request arrived.
    pub received: Timestamp,
    /// When it was answered.
    pub answered: Timestamp,
}

/// What is read of an entry of the log, see <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    user: User,
    #[serde(default)]
    user_agent: String,
    verb: String,
    #[serde(rename = "requestURI")]
    uri: String,
    response_status: Option<Status>,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
}

impl ControlPlane {
    /// The writes so far, in the order of their answers. Wants [`Options::audit_writes`](crate::Options::audit_writes).
    pub fn audit(&self) -> Result<Vec<AuditLine>> {
        let path = self.layout().audit_log();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // The last line may be in the middle of being written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(parse).collect()
    }
}

fn parse(line: &str) -> Result<AuditLine> {
    let entry: Entry = serde_json::from_str(line).with_context(|| format!("an audit line reads {line}"))?;
    Ok(AuditLine {
        user: entry.user.username,
        user_agent: entry.user_agent,
        verb: entry.verb,
        uri: entry.uri,
        code: entry.response_status.map_or(0, |status| status.code),
        received: entry.request_received_timestamp,
        answered: entry.stage_timestamp,
    })
}
