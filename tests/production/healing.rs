//! warden restores what other clients delete or change.

use std::time::Instant;

use anyhow::{Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;

use super::handshake::Certificate;
use super::load::Load;
use super::site::{NAME, Site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_secret_is_restored_with_the_same_authority_and_no_creation_fails() -> Result<()> {
    // Given two replicas, and a load of module Pods
    let mut site = Site::install_alone(&[]).await?;
    site.start(2).await?;
    let before = site.authorities().await?;
    let load = Load::of_creations(&site).await?;
    load.goes_on(50).await?;
    // When the Secret is deleted
    let uid = site.secret().await?.metadata.uid;
    let deleted = Instant::now();
    site.secrets()?.delete(&format!("{NAME}-tls"), &DeleteParams::default()).await?;
    // Then it is restored with the same authority
    site.until("the Secret is restored", async || match site.authorities().await {
        Ok(authorities) if authorities == before => Ok(()),
        Ok(authorities) => Err(format!("{} other authorities", authorities.len())),
        Err(error) => Err(error.to_string()),
    })
    .await?;
    println!("the Secret was deleted: restored after {:?}", deleted.elapsed());
    ensure!(site.secret().await?.metadata.uid != uid, "the Secret was never deleted");
    // And no creation failed during that time or soon after
    load.goes_on(200).await?;
    let (created, _, failed) = load.stop().await;
    println!("{created} module Pods created meanwhile; failed: {}", failed.len());
    ensure!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

#[tokio::test]
async fn a_ca_bundle_that_is_removed_is_restored() -> Result<()> {
    // Given an installation that serves
    let mut site = Site::install(&[]).await?;
    site.start(1).await?;
    let trusted = site.authorities().await?;
    // When a caBundle of each configuration is removed
    let emptied = Instant::now();
    for kind in ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"] {
        let patch = json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]).to_string();
        site.plane.kubectl(&["patch", kind, NAME, "--type=json", "-p", &patch]).await?.expect_success()?;
    }
    // Then it is restored, and modules are admitted again
    site.until("the caBundle is restored", async || match site.ca_bundle().await {
        Ok(bundle) if Certificate::all_in(&bundle) == trusted => Ok(()),
        Ok(bundle) => Err(format!("{} bytes", bundle.len())),
        Err(error) => Err(error.to_string()),
    })
    .await?;
    println!("caBundle was removed: restored after {:?}", emptied.elapsed());
    site.plane.webhooks_in_effect("default").await?;
    println!("modules are admitted again after {:?}", emptied.elapsed());
    Ok(())
}

#[tokio::test]
async fn garbage_in_the_secret_is_replaced_and_never_served() -> Result<()> {
    // Given an installation that serves
    let mut site = Site::install(&[]).await?;
    site.start(1).await?;
    let before = site.authorities().await?;
    // When the key is replaced with garbage
    let patch = json!({"stringData": {"tls.key": "garbage"}}).to_string();
    site.plane
        .kubectl(&["-n", NAME, "patch", "secret", &format!("{NAME}-tls"), "-p", &patch])
        .await?
        .expect_success()?;
    // Then warden restores the key, and counts the rejected contents
    site.until("the key is restored", async || {
        let data = site.secret().await.map_err(|error| error.to_string())?.data.unwrap_or_default();
        match data.get("tls.key") {
            Some(key) if key.0.starts_with(b"-----BEGIN") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    ensure!(site.authorities().await? == before);
    ensure!(site.metric("warden_tls_certificate_rejected_total").await? == 1);
    site.plane.webhooks_in_effect("default").await
}

#[tokio::test]
async fn a_requested_authority_replaces_the_old_one() -> Result<()> {
    // Given an installation that serves
    let mut site = Site::install(&["--certificate-settle=1"]).await?;
    site.start(2).await?;
    let before = site.authorities().await?;
    // When a user requests another authority
    let secret = format!("{NAME}-tls");
    let annotate = ["-n", NAME, "annotate", "secret", &secret, "warden.koupleless.io/rotate=authority"];
    site.plane.kubectl(&annotate).await?.expect_success()?;
    // Then another one is made, and in the end it is the only one
    site.until("another authority is the only one", async || match site.authorities().await {
        Ok(authorities) if authorities.len() == 1 && authorities != before => Ok(()),
        Ok(authorities) => Err(format!("{} authorities", authorities.len())),
        Err(error) => Err(error.to_string()),
    })
    .await?;
    let asked = site.secret().await?.metadata.annotations.unwrap_or_default();
    ensure!(!asked.contains_key("warden.koupleless.io/rotate"), "{asked:?}");
    site.plane.webhooks_in_effect("default").await
}
