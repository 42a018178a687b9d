//! A change from certificates in files to self-managed ones.

use std::path::Path;

use anyhow::{Result, ensure};
use warden_testbed::{ServingCertificate, Signal, WardenProcess, WardenProgram, replica_address};

use super::handshake::Certificate;
use super::load::Load;
use super::site::{LONG, NAME, Site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_make_certificates_follow_those_that_read_them_from_files() -> Result<()> {
    // Given a replica that serves a certificate from files, whose authority the webhooks trust, and that holds the controllers'
    // lease
    let mut site = Site::install_alone(&["--certificate-settle=2"]).await?;
    let certificate = ServingCertificate::issue(&site.plane, &[&format!("{NAME}.{NAME}.svc")])?;
    let webhooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("webhook-config");
    site.plane.register_webhooks(&webhooks, &certificate.ca_pem).await?;
    let kubeconfig = site.plane.kubeconfig_for_service_account(NAME, NAME).await?;
    let path = env!("CARGO_BIN_EXE_warden").into();
    let program = WardenProgram { path, leading_args: Vec::new(), certificate };
    let address = replica_address()?;
    let mut old = WardenProcess::start(&site.plane, &program, &kubeconfig, address, &[]).await?;
    site.balancer.add(address, &old).await?;
    site.plane.webhooks_in_effect("default").await?;
    let load = Load::of_creations(&site).await?;
    load.goes_on(50).await?;
    // When a replica that makes certificates is started beside it, and the old one ends
    site.start(1).await?;
    load.goes_on(100).await?;
    old.process().signal(Signal::TERM)?;
    // The API server has made connections anew for the other authority, and drops those to the old one only after 90 s.
    // Modules are still created meanwhile, but fewer.
    load.slow_down();
    site.make_room();
    let status = old.ended(2 * LONG).await?;
    ensure!(status.success(), "{status}");
    site.balancer.remove(address);
    // Then no creation failed, and the old authority stays trusted for a while, since other replicas might still serve
    // certificates by it
    let (trusted, own) = (Certificate::all_in(&site.ca_bundle().await?), site.authorities().await?);
    ensure!(trusted == own && own.len() == 2, "{} are trusted, {} are known", trusted.len(), own.len());
    let annotations = site.secret().await?.metadata.annotations.unwrap_or_default();
    ensure!(annotations.contains_key("warden.koupleless.io/adopted"), "{annotations:?}");
    load.goes_on(50).await?;
    let (created, _, failed) = load.stop().await;
    println!("{created} module Pods created; failed: {}", failed.len());
    ensure!(failed.is_empty(), "{failed:#?}");
    Ok(())
}
