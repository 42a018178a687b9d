//! The user name that the API server knows this process by.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::{Api, Client, Error};

use crate::k8s::brief;

/// How long to wait before the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The user name of the client. Asks the API server until it answers.
///
/// # RBAC
/// It needs `create` of `selfsubjectreviews`, which every authenticated user has (`system:basic-user`).
pub async fn own_user_name(client: Client) -> String {
    loop {
        match tokio::time::timeout(TIMEOUT, ask(client.clone())).await {
            Ok(Ok(Some(name))) => return name,
            Ok(Ok(None)) => tracing::warn!("the API server returned no user name for warden"),
            Ok(Err(error)) => tracing::warn!(error = %brief(&error), "cannot read warden's own user name"),
            Err(_) => tracing::warn!(timeout = ?TIMEOUT, "cannot read warden's own user name: no answer in time"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn ask(client: Client) -> Result<Option<String>, Error> {
    let api: Api<SelfSubjectReview> = Api::all(client);
    let answer = api.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    Ok(answer.status.and_then(|status| status.user_info).and_then(|user| user.username))
}
