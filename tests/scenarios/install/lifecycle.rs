//! From `helm install` to `helm uninstall`, with real processes that do the work of the Pods.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;
use warden_testbed::ledger::Module as Biz;
use warden_testbed::{Base, ControlPlane, ServingCertificate, WardenProcess};

use super::{
    NAME, apply_ca_bundle, belongings, ca_bundles, chart, nothing_is_left, plane, restricted_namespace, stored,
};
use crate::manifests::Module;
use crate::scene::LONG;

async fn replica(plane: &ControlPlane) -> Result<WardenProcess> {
    plane.run_replica(Path::new(env!("CARGO_BIN_EXE_warden")), NAME, NAME, plane.webhook_address()).await
}

/// A plain module is applied, and comes to run on a base.
async fn a_module_runs(plane: &ControlPlane, name: &str, node: &str, beside: &[&str]) -> Result<()> {
    let manifest = Module::new(name, "1.0.0", "base").deployment(1).to_string();
    plane.kubectl_with_stdin(&["apply", "-f", "-"], &manifest).await?.expect_success()?;
    let all: Vec<(&str, &str)> = beside.iter().chain([&name]).map(|&name| (name, "1.0.0")).collect();
    plane.ledger().wait_until_runs(node, &all, LONG).await?;
    ensure!(plane.ledger().now().runs(node).contains(&Biz::new(name, "1.0.0")));
    Ok(())
}

/// What warden wrote, and what an upgrade must not touch.
#[derive(Debug, PartialEq)]
struct Written {
    ca_bundles: Vec<Value>,
    secret: Value,
}

async fn written(plane: &ControlPlane) -> Result<Written> {
    let secret = stored(plane, NAME, &format!("secret/{NAME}-tls")).await?;
    Ok(Written { ca_bundles: ca_bundles(plane, NAME).await?, secret: secret["data"].clone() })
}

#[tokio::test]
async fn it_is_installed_upgraded_rolled_back_and_uninstalled_and_serves_throughout() -> Result<()> {
    // Given a cluster with a base, and a Namespace under the strictest standard
    let plane = plane().await?;
    let node = plane.add_base(Base::new("10.0.0.1")).await?;
    restricted_namespace(&plane, NAME).await?;
    let before = belongings(&plane, NAME, NAME).await?;
    // When the chart is installed as it comes
    let (chart, common) = (chart(), ["--namespace", NAME, "--wait", "--timeout=3m"]);
    let notes = plane.helm(&[&["install", NAME, &chart], &common[..]].concat()).await?;
    ensure!(
        notes.contains("warden is installed as koupleless-warden in Namespace koupleless-warden, with 2 replicas.")
    );
    plane.lead_service_to(NAME, NAME, plane.webhook_address()).await?;
    let warden = replica(&plane).await?;
    // Then a plain module runs
    plane.webhooks_in_effect("default").await?;
    a_module_runs(&plane, "one", &node, &[]).await?;
    let at_first = written(&plane).await?;
    ensure!(at_first.ca_bundles.iter().all(Value::is_string) && at_first.secret.is_object(), "{at_first:?}");
    // When it is upgraded, in either way that Helm has, to other values and back
    let mut modules = vec!["one"];
    let upgrades: [(&str, &[&str]); 5] = [
        ("two", &["upgrade", NAME, &chart, "--set=replicas=3,webhooks.timeoutSeconds=5"]),
        ("three", &["upgrade", NAME, &chart, "--server-side=false", "--set=webhooks.timeoutSeconds=6"]),
        ("four", &["upgrade", NAME, &chart, "--server-side=false", "--set=commonLabels.team=a"]),
        ("five", &["upgrade", NAME, &chart, "--server-side=true", "--force-conflicts"]),
        ("six", &["rollback", NAME, "1"]),
    ];
    for (module, args) in upgrades {
        plane.helm(&[args, &common].concat()).await?;
        // Then what warden wrote is still there
        let now = written(&plane).await?;
        similar_asserts::assert_eq!(now, at_first, "{args:?}");
        // And modules run
        plane.webhooks_in_effect("default").await?;
        a_module_runs(&plane, module, &node, &modules).await?;
        modules.push(module);
    }
    // When it is uninstalled while warden runs
    plane.helm(&[&["uninstall", NAME], &common[..]].concat()).await?;
    // Then nothing is left, and nothing refuses a module
    drop(warden);
    nothing_is_left(&plane, NAME, NAME, &before).await?;
    let manifest = Module::new("unchecked", "1.0.0", "base").pod().to_string();
    plane.kubectl_with_stdin(&["apply", "-f", "-"], &manifest).await?.expect_success()?;
    // And the modules go on
    let now = plane.ledger().now();
    let running: BTreeSet<String> = now.runs(&node).iter().map(ToString::to_string).collect();
    ensure!(modules.iter().all(|module| running.contains(&format!("{module}:1.0.0"))), "{running:?}");
    Ok(())
}

#[tokio::test]
async fn it_serves_with_a_certificate_from_a_secret() -> Result<()> {
    // Given a certificate in a Secret
    let plane = plane().await?;
    let node = plane.add_base(Base::new("10.0.0.1")).await?;
    restricted_namespace(&plane, NAME).await?;
    let certificate = ServingCertificate::issue(&plane, &["koupleless-warden.koupleless-warden.svc"])?;
    let files = [("--cert", &certificate.cert_path), ("--key", &certificate.key_path)];
    let files = files.map(|(flag, path)| format!("{flag}={}", path.display()));
    let args = ["-n", NAME, "create", "secret", "tls", "warden-certificate", &files[0], &files[1]];
    plane.kubectl(&args).await?.expect_success()?;
    // When the chart is installed with that, and the API server is told who signed it
    let chart = chart();
    let values = "--set=certificates.mode=files,certificates.secretName=warden-certificate";
    plane.helm(&["install", NAME, &chart, "--namespace", NAME, "--wait", "--timeout=3m", values]).await?;
    plane.lead_service_to(NAME, NAME, plane.webhook_address()).await?;
    apply_ca_bundle(&plane, NAME, &certificate.ca_pem).await?;
    let _warden = replica(&plane).await?;
    // Then a plain module runs
    plane.webhooks_in_effect("default").await?;
    a_module_runs(&plane, "one", &node, &[]).await?;
    // And warden has no right to any Secret
    let account = format!("--as=system:serviceaccount:{NAME}:{NAME}");
    let answer = plane.kubectl(&["auth", "can-i", "get", &format!("secret/{NAME}-tls"), "-n", NAME, &account]).await?;
    ensure!(answer.stdout.trim() == "no", "{answer:?}");
    Ok(())
}
