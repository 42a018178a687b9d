//! Writes that go wrong, and the log of all writes.

use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use warden_testbed::{Fault, What};

use super::{Scene, create};

fn code(result: kube::Result<impl std::fmt::Debug>) -> Result<u16> {
    match result {
        Err(kube::Error::Api(status)) => Ok(status.code),
        other => anyhow::bail!("came instead: {other:?}"),
    }
}

#[tokio::test]
async fn writes_are_refused_in_the_order_that_was_asked_for() -> Result<()> {
    // Given three refusals to come
    let scene = Scene::new().await?;
    let (behind, direct) = (scene.behind().await?, scene.direct()?);
    scene.proxy.fail_writes(Fault::Status(409), 1);
    scene.proxy.fail_writes(Fault::Status(500), 2);
    // When something is written again and again, then it is refused that often, and nothing was written
    ensure!(code(create(&behind, "a").await)? == 409);
    ensure!(code(create(&behind, "a").await)? == 500);
    ensure!(code(create(&behind, "a").await)? == 500);
    ensure!(direct.get_opt("a").await?.is_none() && scene.proxy.faults_left() == 0);
    create(&behind, "a").await?;
    // Then the log tells it all
    let writes = scene.proxy.writes();
    let told: Vec<_> = writes.iter().map(|write| (write.number, write.status, write.forwarded)).collect();
    let wanted = [(1, Some(409), false), (2, Some(500), false), (3, Some(500), false), (4, Some(201), true)];
    ensure!(told == wanted, "{told:?}");
    ensure!(writes[3].method == "POST" && writes[3].path.contains("/configmaps"), "{}", writes[3]);
    ensure!(writes[3].body.as_ref().is_some_and(|body| body["metadata"]["name"] == "a"), "{:?}", writes[3].body);
    Ok(())
}

#[tokio::test]
async fn a_refusal_asks_to_come_back_after_a_second() -> Result<()> {
    // Given a write that will meet a busy API server
    let scene = Scene::new().await?;
    let client = scene.client().await?;
    scene.proxy.fail_writes(Fault::Status(429), 1);
    // When it is sent, then the answer says when to come back
    let path = format!("/api/v1/namespaces/{}/configmaps/a", scene.namespace);
    let answer = client.send(http::Request::delete(path).body(kube::client::Body::empty())?).await?;
    ensure!(answer.status() == 429);
    ensure!(answer.headers().get(http::header::RETRY_AFTER).is_some_and(|after| after == "1"));
    Ok(())
}

#[tokio::test]
async fn a_cut_write_is_done_or_not() -> Result<()> {
    // Given one write to be cut before it is forwarded, and one after
    let scene = Scene::new().await?;
    let (behind, direct) = (scene.behind().await?, scene.direct()?);
    scene.proxy.fail_writes(Fault::CutBefore, 1);
    scene.proxy.fail_writes(Fault::CutAfter, 1);
    // When both are sent, then neither is answered
    for name in ["before", "after"] {
        let answer = create(&behind, name).await;
        ensure!(matches!(answer, Err(ref error) if !matches!(error, kube::Error::Api(_))), "{answer:?}");
    }
    // Then the second is done and the first is not
    ensure!(direct.get_opt("before").await?.is_none());
    ensure!(direct.get_opt("after").await?.is_some());
    let told: Vec<_> = scene.proxy.writes().iter().map(|write| (write.forwarded, write.status)).collect();
    ensure!(told == [(false, None), (true, Some(201))], "{told:?}");
    Ok(())
}

#[tokio::test]
async fn leases_are_counted_apart() -> Result<()> {
    // Given a fault for what changes the cluster, and one for leases
    let scene = Scene::new().await?;
    let client = scene.client().await?;
    scene.proxy.fail_writes(Fault::Status(409), 1);
    scene.proxy.fail_writes_of(What::Lease, Fault::Status(500), 1);
    // When a lease is written twice, then the second is for leases alone
    let leases: Api<Lease> = Api::namespaced(client.clone(), &scene.namespace);
    let metadata = ObjectMeta { name: Some("leader".to_owned()), ..Default::default() };
    let lease = Lease { metadata, ..Default::default() };
    ensure!(code(leases.create(&PostParams::default(), &lease).await)? == 500);
    leases.create(&PostParams::default(), &lease).await?;
    ensure!(scene.proxy.writes().is_empty() && scene.proxy.faults_left() == 1);
    let numbers: Vec<_> = scene.proxy.writes_of(What::Lease).iter().map(|write| write.number).collect();
    ensure!(numbers == [1, 2], "{numbers:?}");
    // When something else is patched, then the first strikes
    let behind = scene.behind().await?;
    let patch = Patch::Merge(json!({ "data": { "a": "b" } }));
    ensure!(code(behind.patch("kube-root-ca.crt", &PatchParams::default(), &patch).await)? == 409);
    // When all is forgotten, then numbers begin again
    scene.proxy.forget_writes();
    create(&behind, "a").await?;
    ensure!(scene.proxy.writes().iter().map(|write| write.number).eq([1]));
    Ok(())
}
