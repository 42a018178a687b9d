//! `kubectl apply -k deploy/manifests`, once and again.

use anyhow::{Result, ensure};
use rstest::rstest;
use serde_json::{Value, json};

use super::{NAME, apply_ca_bundle, belongings, ca_bundles, in_repository, nothing_is_left, plane, stored};

#[rstest]
#[case::as_kubectl_does(&["apply"])]
#[case::on_the_server(&["apply", "--server-side", "--force-conflicts"])]
#[tokio::test]
async fn manifests_that_are_applied_again_take_nothing_away(#[case] apply: &[&str]) -> Result<()> {
    // Given the manifests, applied, and what warden writes then
    let plane = plane().await?;
    let before = belongings(&plane, NAME, NAME).await?;
    let folder = in_repository("deploy/manifests").display().to_string();
    let apply = [apply, &["-k", &folder]].concat();
    plane.kubectl(&apply).await?.expect_success()?;
    plane
        .kubectl(&["-n", NAME, "rollout", "status", &format!("deployment/{NAME}"), "--timeout=120s"])
        .await?
        .expect_success()?;
    apply_ca_bundle(&plane, NAME, "an authority").await?;
    let (secret, lease) = (format!("secret/{NAME}-tls"), format!("lease/{NAME}"));
    let patches = [
        (&secret, json!({"stringData": {"ca.key": "a key", "tls.crt": "a certificate"}})),
        (&lease, json!({"spec": {"holderIdentity": "warden-1", "leaseDurationSeconds": 15}})),
    ];
    for (what, patch) in patches {
        plane
            .kubectl(&["-n", NAME, "patch", what, "--type=merge", "-p", &patch.to_string()])
            .await?
            .expect_success()?;
    }
    let bundles = ca_bundles(&plane, NAME).await?;
    ensure!(bundles.len() == 8 && bundles.iter().all(Value::is_string), "{bundles:?}");
    let data = async || -> Result<[Value; 2]> {
        Ok([stored(&plane, NAME, &secret).await?["data"].clone(), stored(&plane, NAME, &lease).await?["spec"].clone()])
    };
    let state = data().await?;
    ensure!(state[0]["ca.key"].is_string() && state[1]["holderIdentity"] == "warden-1", "{state:?}");
    // When they are applied again
    plane.kubectl(&apply).await?.expect_success()?;
    // Then all of that is still there
    similar_asserts::assert_eq!(ca_bundles(&plane, NAME).await?, bundles);
    similar_asserts::assert_eq!(data().await?, state);
    // When they are deleted, then nothing is left
    plane.kubectl(&["delete", "-k", &folder]).await?.expect_success()?;
    nothing_is_left(&plane, NAME, NAME, &before).await
}
