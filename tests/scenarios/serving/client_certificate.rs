//! The API server has to show a certificate, and others have none.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use warden_testbed::{ClientAuthority, ClientCertificate, Options};

use super::stranger::Stranger;
use crate::manifests::Module;
use crate::scene::{Scene, raise};

/// The name in the API server's certificate.
const API_SERVER: &str = "kube-apiserver-webhook-client";

/// The server that the API server shows its certificate to: the webhooks' Service, with its port where that is not 443.
const CALLED: &str = "koupleless-warden.koupleless-warden.svc:9443";

#[tokio::test]
async fn the_api_server_is_known_by_its_certificate_and_a_stranger_is_refused_in_the_handshake() -> Result<()> {
    // Given an API server with a certificate for its webhooks, and a warden that wants one of that name
    let dir = tempfile::tempdir()?;
    let authority = ClientAuthority::new(dir.path())?;
    let config = admission_config(dir.path(), &authority.issue(API_SERVER)?)?;
    let options = Options::new().api_server_arg(format!("--admission-control-config-file={config}"));
    let mut stage = raise(options).await?;
    stage
        .serve(&[
            format!("--client-ca={}", authority.ca_path.display()),
            format!("--client-names=somebody,{API_SERVER}"),
            "--tls-min-version=1.3".to_owned(),
        ])
        .await?;
    // When a module is applied, then it is filled in, and runs
    let scene = Scene::with_bases(&stage, 1).await?;
    scene.apply(&Module::new("known", "1.0.0", &scene.base).deployment(1)).await?;
    scene.each_runs(&scene.nodes, "known", "1.0.0").await?;
    // And a wrong one is refused by warden's own words
    let mut wrong = Module::new("wrong", "1.0.0", &scene.base).deployment(1);
    wrong["spec"]["template"]["spec"]["containers"][0]["env"] = json!([]);
    let refused = scene.kubectl_with(&["apply"], &wrong).await?;
    ensure!(!refused.success && refused.stderr.contains("BIZ_VERSION"), "{refused:?}");
    // When a stranger calls, then it is refused in the handshake: without a certificate, with one of another authority, and
    // with one of another name
    let stranger = Stranger::to(&stage).await?;
    is_refused(&stranger, "CertificateRequired").await?;
    let elsewhere = tempfile::tempdir()?;
    let other = ClientAuthority::new(elsewhere.path())?.issue(API_SERVER)?;
    is_refused(&stranger.with(&other)?, "DecryptError").await?;
    is_refused(&stranger.with(&authority.issue("stranger")?)?, "CertificateUnknown").await?;
    // And with the right one it is heard
    let code = stranger.with(&authority.issue("somebody")?)?.ask().await?;
    ensure!(code == 404, "{code}");
    Ok(())
}

/// The handshake ends with this alert.
async fn is_refused(stranger: &Stranger, alert: &str) -> Result<()> {
    let Err(error) = stranger.ask().await else { bail!("it was answered, and not refused by {alert}") };
    println!("refused: {error:#}");
    ensure!(format!("{error:#}").contains(alert), "{error:#}, and not {alert}");
    Ok(())
}

/// Writes the file that tells kube-apiserver which certificate to show to which server. Gives its path.
fn admission_config(dir: &Path, own: &ClientCertificate) -> Result<String> {
    let user = json!({"client-certificate": own.cert_path, "client-key": own.key_path});
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "users": [{"name": CALLED, "user": user}]});
    let kubeconfig = written(dir, "webhooks.kubeconfig", &kubeconfig)?;
    let plugin = |name: &str| {
        json!({"name": name, "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": kubeconfig,
        }})
    };
    let config = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [plugin("MutatingAdmissionWebhook"), plugin("ValidatingAdmissionWebhook")],
    });
    written(dir, "admission.yaml", &config)
}

/// JSON is YAML.
fn written(dir: &Path, name: &str, content: &Value) -> Result<String> {
    let path = dir.join(name);
    fs::write(&path, content.to_string())?;
    Ok(path.display().to_string())
}
