//! No request fails while certificates and authorities are rotated.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::handshake::{Certificate, shake_hands};
use super::load::Load;
use super::site::{SHORT_LIVED, Site};

/// How many authorities and certificates there must have been.
const AUTHORITIES: usize = 3;
const CERTIFICATES: usize = 8;

/// warden's own count of failed handshakes.
const FAILED: &str = "warden_tls_handshakes_total{outcome=\"failed\"}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_certificates_and_authorities_change_no_handshake_fails() -> Result<()> {
    // Given two replicas whose certificate lives for seconds, a load of module Pods, and a load of handshakes by clients that
    // trust what the webhooks trust at that moment
    let mut site = Site::install_alone(&SHORT_LIVED).await?;
    site.start(2).await?;
    // Handshakes before that may have failed, while API servers had not observed the authority yet.
    let failed_before = site.metric(FAILED).await?;
    let (creations, handshakes) = (Load::of_creations(&site).await?, Load::of_handshakes(&site).await?);
    // When several authorities and certificates have followed each other
    let (mut authorities, mut certificates) = (BTreeSet::new(), BTreeSet::<Certificate>::new());
    while authorities.len() < AUTHORITIES || certificates.len() < CERTIFICATES {
        let (before, bundle) = (certificates.len(), site.ca_bundle().await?);
        authorities.extend(site.authorities().await?);
        for (address, _) in site.replicas() {
            certificates.insert(shake_hands(address, &bundle).await?);
        }
        if certificates.len() == before {
            let seen = certificates.clone();
            let news = site.until("there is another certificate", async || {
                let data = site.secret().await.map_err(|error| error.to_string())?.data.unwrap_or_default();
                let now = data.get("tls.crt").map(|chain| Certificate::all_in(&chain.0)).unwrap_or_default();
                if now.iter().any(|certificate| !seen.contains(certificate)) { Ok(()) } else { Err("none".to_owned()) }
            });
            news.await?;
        }
    }
    // Then every creation and every handshake succeeded, except those that were interrupted by the end of the load
    let refused = site.metric(FAILED).await? - failed_before;
    let (created, per_second, failed) = creations.stop().await;
    let (shaken, _, unshaken) = handshakes.stop().await;
    println!("{} authorities, {} certificates were seen", authorities.len(), certificates.len());
    println!("{created} module Pods created, {per_second:.0} per second; failed: {}", failed.len());
    println!("{shaken} handshakes by clients that trust what the webhooks trust; failed: {}", unshaken.len());
    println!("handshakes that failed by warden's own count: {refused}");
    ensure!(failed.is_empty() && unshaken.is_empty(), "{failed:#?}\n{unshaken:#?}");
    ensure!(refused == 0 && created > 200 && shaken > 100, "{refused} {created} {shaken}");
    Ok(())
}
