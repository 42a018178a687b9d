//! Components that are killed and started again, and the API server's own word on who wrote what.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use warden_testbed::{Base, Component, ControlPlane, Options, Proxy};

async fn create(proxy: &Proxy, plane: &ControlPlane, name: &str) -> Result<()> {
    let kubeconfig = Kubeconfig::read_from(proxy.kubeconfig(plane, "default", "default").await?)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let maps: Api<ConfigMap> = Api::namespaced(Client::try_from(config)?, "default");
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..Default::default() };
    maps.create(&PostParams::default(), &ConfigMap { metadata, ..Default::default() }).await?;
    Ok(())
}

#[tokio::test]
async fn the_audit_log_tells_two_wardens_apart() -> Result<()> {
    // Given two proxies with names, for one account
    let plane = ControlPlane::start(Options::new().audit_writes()).await?;
    let args = ["create", "clusterrolebinding", "all", "--clusterrole=edit", "--serviceaccount=default:default"];
    plane.kubectl(&args).await?.expect_success()?;
    let (first, second) = (Proxy::start(&plane).await?, Proxy::start(&plane).await?);
    first.call_itself("warden-a")?;
    second.call_itself("warden-b")?;
    // When each writes
    create(&second, &plane, "of-b").await?;
    create(&first, &plane, "of-a").await?;
    // Then the API server knows which did what, in order
    let lines = plane.audit()?;
    let ours: Vec<_> = lines.iter().filter(|line| line.uri.ends_with("/configmaps?")).collect();
    let told: Vec<_> = ours.iter().map(|line| (line.user_agent.as_str(), line.verb.as_str(), line.code)).collect();
    ensure!(told == [("warden-b", "create", 201), ("warden-a", "create", 201)], "{told:?} of {lines:?}");
    ensure!(ours.iter().all(|line| line.user == "system:serviceaccount:default:default"), "{ours:?}");
    ensure!(ours.iter().all(|line| line.received <= line.answered), "{ours:?}");
    Ok(())
}

#[tokio::test]
async fn each_component_can_be_started_again() -> Result<()> {
    // Given a control plane with a base
    let plane = ControlPlane::start(Options::new()).await?;
    plane.add_base(Base::new("10.7.0.1")).await?;
    for component in Component::ALL {
        // When a component is started again
        let before = plane.pid(component).context("it runs")?;
        plane.restart(component).await?;
        // Then it is another process, and the cluster goes on where it was
        ensure!(plane.pid(component).is_some_and(|pid| pid != before), "{component:?}");
        ensure!(plane.kubectl(&["get", "node", "vnode.10.7.0.1.dev"]).await?.success, "{component:?}");
    }
    let base = plane.add_base(Base::new("10.7.0.2")).await?;
    plane.delete_base(&base).await?;
    // When one is killed, then it is away until it is started again
    plane.kill(Component::ApiServer)?;
    ensure!(plane.pid(Component::ApiServer).is_none() && plane.kill(Component::ApiServer).is_err());
    ensure!(!plane.kubectl(&["get", "nodes"]).await?.success);
    plane.restart(Component::ApiServer).await?;
    ensure!(plane.kubectl(&["get", "nodes"]).await?.success);
    Ok(())
}
