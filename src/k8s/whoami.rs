//! Who this process is to the API server.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::{Api, Client, Error};

use crate::k8s::brief;

/// How long to wait until it is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The name of the user that the client's requests are made by. Asks until there is an answer.
///
/// Every user may ask it about itself (`system:basic-user`).
pub async fn own_user_name(client: Client) -> String {
    loop {
        match tokio::time::timeout(TIMEOUT, ask(client.clone())).await {
            Ok(Ok(Some(name))) => return name,
            Ok(Ok(None)) => tracing::warn!("the API server does not say who warden is"),
            Ok(Err(error)) => tracing::warn!(error = %brief(&error), "cannot ask who warden is to the API server"),
            Err(_) => tracing::warn!(timeout = ?TIMEOUT, "no answer to who warden is to the API server"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn ask(client: Client) -> Result<Option<String>, Error> {
    let api: Api<SelfSubjectReview> = Api::all(client);
    let answer = api.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    Ok(answer.status.and_then(|status| status.user_info).and_then(|user| user.username))
}
