//! Kubeconfigs: where a client finds the API server, and which user it is.

use std::path::{Path, PathBuf};

use anyhow::Result;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::ControlPlane;
use crate::certificates::{self, KeyAndCertificate};

/// Writes a kubeconfig for a holder of a client certificate.
pub(crate) fn for_certificate(path: &Path, server: &str, ca: &Path, client: &KeyAndCertificate) -> Result<()> {
    write(path, server, Some(ca), json!({ "client-certificate": client.certificate, "client-key": client.key }))
}

/// JSON is YAML, and needs no library to write.
fn write(path: &Path, server: &str, ca: Option<&Path>, user: Value) -> Result<()> {
    let cluster = match ca {
        Some(ca) => json!({ "server": server, "certificate-authority": ca }),
        None => json!({ "server": server }),
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "testbed", "cluster": cluster }],
        "users": [{ "name": "user", "user": user }],
        "contexts": [{ "name": "testbed", "context": { "cluster": "testbed", "user": "user" } }],
        "current-context": "testbed",
    });
    certificates::write(path, &config.to_string())
}

impl ControlPlane {
    /// A kubeconfig with a token of this service account, good for a day.
    pub async fn kubeconfig_for_service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        self.write_for_service_account(self.server(), Some(&self.ca_path()), namespace, name).await
    }

    /// As [`Self::kubeconfig_for_service_account`], by way of a server that speaks plain HTTP.
    pub(crate) async fn kubeconfig_through(&self, server: &str, namespace: &str, name: &str) -> Result<PathBuf> {
        self.write_for_service_account(server, None, namespace, name).await
    }

    async fn write_for_service_account(
        &self,
        server: &str,
        ca: Option<&Path>,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client()?, namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(24 * 60 * 60), ..Default::default() },
            ..Default::default()
        };
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await?;
        let token = answer.status.map(|status| status.token).unwrap_or_default();
        let path = self.dir().join(self.unique_name("service-account") + ".kubeconfig");
        write(&path, server, ca, json!({ "token": token }))?;
        Ok(path)
    }
}
