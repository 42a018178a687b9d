//! warden's own Pods never wait for warden.

use anyhow::{Result, ensure};
use serde_json::Value;
use warden_testbed::{ServingCertificate, eventually};

use super::{NAME, apply_ca_bundle, chart, plane, restricted_namespace};
use crate::manifests::Module;
use crate::scene::LONG;

#[tokio::test]
async fn when_all_of_warden_is_gone_its_pods_are_made_again() -> Result<()> {
    // Given warden installed, and the API server told to call it; but none answers
    let plane = plane().await?;
    restricted_namespace(&plane, NAME).await?;
    plane.helm(&["install", NAME, &chart(), "--namespace", NAME, "--wait", "--timeout=3m"]).await?;
    plane.lead_service_to(NAME, NAME, plane.webhook_address()).await?;
    let certificate = ServingCertificate::issue(&plane, &["koupleless-warden.koupleless-warden.svc"])?;
    apply_ca_bundle(&plane, NAME, &certificate.ca_pem).await?;
    let module = Module::new("module", "1.0.0", "base").pod().to_string();
    eventually("modules are refused", LONG, async || {
        let output = plane.kubectl_with_stdin(&["create", "--dry-run=server", "-f", "-"], &module).await;
        match output.map_err(|error| error.to_string())? {
            output if !output.success && output.stderr.contains("failed calling webhook") => Ok(()),
            output => Err(format!("{output:?}")),
        }
    })
    .await?;
    let objects = plane.objects(NAME)?;
    let pods = async || -> Result<Vec<(String, bool)>> {
        let pods = objects.list("pods").await?;
        let living = pods.iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_none());
        let is_ready = |pod: &Value| {
            let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.clone().any(|one| one["type"] == "Ready" && one["status"] == "True")
        };
        Ok(living.map(|pod| (pod["metadata"]["uid"].to_string(), is_ready(pod))).collect())
    };
    let before = pods().await?;
    ensure!(before.len() == 2, "{before:?}");
    // When all its Pods are deleted
    plane.kubectl(&["-n", NAME, "delete", "pods", "--all", "--grace-period=1"]).await?.expect_success()?;
    // Then two others are made, and run
    eventually("two others run", LONG, async || {
        let now = pods().await.map_err(|error| error.to_string())?;
        let is_new = |(uid, ready): &(String, bool)| *ready && before.iter().all(|(old, _)| old != uid);
        if now.len() == 2 && now.iter().all(is_new) { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await
}
