//! What others take away comes back.

use std::time::Instant;

use anyhow::{Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;

use super::handshake::Certificate;
use super::load::Load;
use super::site::{NAME, Site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_secret_comes_back_with_the_same_authority_and_nobody_is_refused() -> Result<()> {
    // Given two replicas, and modules that are created all the time
    let mut site = Site::install_alone(&[]).await?;
    site.start(2).await?;
    let before = site.authorities().await?;
    let load = Load::of_creations(&site).await?;
    load.goes_on(50).await?;
    // When somebody deletes the Secret
    let uid = site.secret().await?.metadata.uid;
    let deleted = Instant::now();
    site.secrets()?.delete(&format!("{NAME}-tls"), &DeleteParams::default()).await?;
    // Then it is there again with the same authority
    site.until("the Secret is back", async || match site.authorities().await {
        Ok(authorities) if authorities == before => Ok(()),
        Ok(authorities) => Err(format!("{} other authorities", authorities.len())),
        Err(error) => Err(error.to_string()),
    })
    .await?;
    println!("the Secret was deleted: whole again after {:?}", deleted.elapsed());
    ensure!(site.secret().await?.metadata.uid != uid, "it was never gone");
    // And no creation failed meanwhile, nor soon after
    load.goes_on(200).await?;
    let (created, _, failed) = load.stop().await;
    println!("{created} module Pods created meanwhile; failed: {}", failed.len());
    ensure!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

#[tokio::test]
async fn a_ca_bundle_emptied_by_hand_is_put_back() -> Result<()> {
    // Given an installation at work
    let mut site = Site::install(&[]).await?;
    site.start(1).await?;
    let trusted = site.authorities().await?;
    // When somebody empties a caBundle of each configuration
    let emptied = Instant::now();
    for kind in ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"] {
        let patch = json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]).to_string();
        site.plane.kubectl(&["patch", kind, NAME, "--type=json", "-p", &patch]).await?.expect_success()?;
    }
    // Then it is put back, and modules are admitted again
    site.until("the caBundle is back", async || match site.ca_bundle().await {
        Ok(bundle) if Certificate::all_in(&bundle) == trusted => Ok(()),
        Ok(bundle) => Err(format!("{} bytes", bundle.len())),
        Err(error) => Err(error.to_string()),
    })
    .await?;
    println!("caBundle was emptied: back after {:?}", emptied.elapsed());
    site.plane.webhooks_in_effect("default").await?;
    println!("modules are admitted again after {:?}", emptied.elapsed());
    Ok(())
}

#[tokio::test]
async fn garbage_in_the_secret_is_replaced_and_never_served() -> Result<()> {
    // Given an installation at work
    let mut site = Site::install(&[]).await?;
    site.start(1).await?;
    let before = site.authorities().await?;
    // When somebody writes garbage in the place of the key
    let patch = json!({"stringData": {"tls.key": "garbage"}}).to_string();
    site.plane
        .kubectl(&["-n", NAME, "patch", "secret", &format!("{NAME}-tls"), "-p", &patch])
        .await?
        .expect_success()?;
    // Then what was there is written back, and warden says so
    site.until("the key is back", async || {
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
async fn who_asks_for_another_authority_gets_it() -> Result<()> {
    // Given an installation at work
    let mut site = Site::install(&["--certificate-settle=1"]).await?;
    site.start(2).await?;
    let before = site.authorities().await?;
    // When somebody asks for another authority
    let secret = format!("{NAME}-tls");
    let annotate = ["-n", NAME, "annotate", "secret", &secret, "warden.koupleless.io/rotate=authority"];
    site.plane.kubectl(&annotate).await?.expect_success()?;
    // Then another one follows it, and in the end is trusted alone
    site.until("another authority is alone", async || match site.authorities().await {
        Ok(authorities) if authorities.len() == 1 && authorities != before => Ok(()),
        Ok(authorities) => Err(format!("{} authorities", authorities.len())),
        Err(error) => Err(error.to_string()),
    })
    .await?;
    let asked = site.secret().await?.metadata.annotations.unwrap_or_default();
    ensure!(!asked.contains_key("warden.koupleless.io/rotate"), "{asked:?}");
    site.plane.webhooks_in_effect("default").await
}
