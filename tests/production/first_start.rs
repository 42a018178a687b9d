//! The first start on an empty cluster.

use anyhow::{Result, ensure};

use super::handshake::shake_hands;
use super::site::Site;

#[tokio::test]
async fn two_replicas_that_start_at_once_agree_on_one_authority() -> Result<()> {
    // Given a cluster without certificates
    let mut site = Site::install(&[]).await?;
    // When two replicas start at once
    site.start(2).await?;
    // Then there is one authority, the webhooks trust it alone, and both show the same certificate by it
    let authorities = site.authorities().await?;
    ensure!(authorities.len() == 1, "{} authorities", authorities.len());
    let bundle = site.ca_bundle().await?;
    ensure!(super::handshake::Certificate::all_in(&bundle) == authorities, "the webhooks trust another authority");
    let mut shown = Vec::new();
    for (address, _) in site.replicas() {
        shown.push(shake_hands(address, &bundle).await?);
    }
    ensure!(shown.len() == 2 && shown[0] == shown[1], "{shown:?}");
    // And only one of them has written the Secret, once
    let written = r#"warden_writes_total{controller="certificates",what="secret",outcome="written"}"#;
    ensure!(site.metric(written).await? == 1);
    Ok(())
}
