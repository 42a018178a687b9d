//! The API server finds the webhook where the program under test will listen.

use std::fs;

use anyhow::{Result, ensure};
use warden_testbed::{ControlPlane, Options, ServingCertificate};

const CONFIGURATION: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: nothing-listens
webhooks:
- name: nothing.listens.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  timeoutSeconds: 2
  clientConfig:
    service: { name: koupleless-warden, namespace: koupleless-warden, port: 9443, path: /validate }
  rules:
  - { apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps] }
"#;

#[tokio::test]
async fn the_service_leads_to_the_webhook_address() -> Result<()> {
    // Given a registered webhook that no process serves
    let plane = ControlPlane::start(Options::new()).await?;
    let dir = plane.dir().join("webhook-config");
    fs::create_dir(&dir)?;
    fs::write(dir.join("validating.yaml"), CONFIGURATION)?;
    fs::write(dir.join("kustomization.yaml"), "resources: [validating.yaml]\n")?;
    let certificate = ServingCertificate::issue(&plane, &["koupleless-warden.koupleless-warden.svc"])?;
    plane.register_webhooks(&dir, &certificate.ca_pem).await?;
    let bundle = "jsonpath={.webhooks[0].clientConfig.caBundle}";
    let bundle = plane.kubectl(&["get", "validatingwebhookconfiguration", "nothing-listens", "-o", bundle]).await?;
    ensure!(!bundle.expect_success()?.is_empty());
    // When it would have to be called
    let address = plane.webhook_address().to_string();
    let refused = warden_testbed::eventually("the webhook is called", std::time::Duration::from_secs(60), async || {
        let output = plane.kubectl(&["create", "configmap", "a", "--dry-run=server"]).await;
        match output.map_err(|error| error.to_string())? {
            output if output.success => Err("it was not".to_owned()),
            output => Ok(output.stderr),
        }
    })
    .await?;
    // Then the API server connects to our address
    ensure!(refused.contains(&address) && refused.contains("refused"), "{refused}");
    // When it is unregistered, then the API server does not call it
    plane.unregister_webhooks().await?;
    warden_testbed::eventually("the webhook is forgotten", std::time::Duration::from_secs(60), async || {
        let output = plane.kubectl(&["create", "configmap", "a", "--dry-run=server"]).await;
        match output.map_err(|error| error.to_string())? {
            output if output.success => Ok(()),
            output => Err(output.stderr),
        }
    })
    .await
}
