//! The Pods of the chart: their ports, network, users and volumes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use rstest::rstest;
use serde_json::{Value, json};

use super::{NAME, in_repository, objects, render};

/// The chart's Deployment with these values.
fn deployment(args: &[&str]) -> Result<Value> {
    let rendered = objects(&render(NAME, NAME, &[&["--show-only", "templates/deployment.yaml"], args].concat())?)?;
    rendered.into_iter().next().context("no Deployment")
}

fn pod(args: &[&str]) -> Result<Value> {
    Ok(deployment(args)?["spec"]["template"]["spec"].take())
}

/// The names and numbers of the container's ports.
fn ports(pod: &Value) -> BTreeMap<&str, i64> {
    let ports = pod["containers"][0]["ports"].as_array().into_iter().flatten();
    ports.filter_map(|port| Some((port["name"].as_str()?, port["containerPort"].as_i64()?))).collect()
}

/// What the container's flag of this name is set to.
fn flag<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    let args = pod["containers"][0]["args"].as_array()?;
    args.iter().find_map(|arg| arg.as_str()?.strip_prefix(name)?.strip_prefix('='))
}

#[rstest]
#[case::default("default", "[::]:9443", "[::]:8080")]
#[case::host_network("host-network", "[::]:19443", "[::]:18080")]
#[case::ipv4_alone("all", "0.0.0.0:10443", "0.0.0.0:10080")]
fn ports_are_those_that_warden_listens_at(
    #[case] variant: &str,
    #[case] listen: &str,
    #[case] ops: &str,
) -> Result<()> {
    // Given a variant with ports of its own
    let values = in_repository(&format!("deploy/chart/ci/{variant}-values.yaml")).display().to_string();
    let args = ["--values", &values, "--set", "networkPolicy.enabled=true"];
    let pod = pod(&args)?;
    // Then warden listens there
    ensure!(flag(&pod, "--listen") == Some(listen) && flag(&pod, "--ops-listen") == Some(ops), "{pod}");
    // And the container has these ports
    let ports = ports(&pod);
    let number = |address: &str| address.rsplit(':').next().and_then(|port| port.parse().ok());
    ensure!(Some(ports["webhook"]) == number(listen) && Some(ports["ops"]) == number(ops), "{ports:?}");
    // And probes, the Service and the NetworkPolicy call them by their names
    let names: BTreeSet<&str> = ports.into_keys().collect();
    let container = &pod["containers"][0];
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        ensure!(container[probe]["httpGet"]["port"] == "ops", "{}", container[probe]);
    }
    let rendered = objects(&render(NAME, NAME, &args)?)?;
    let of_kind = |kind: &str| rendered.iter().find(|object| object["kind"] == kind).with_context(|| kind.to_owned());
    let service = of_kind("Service")?["spec"]["ports"].as_array().context("no ports")?;
    let called: BTreeSet<&str> = service.iter().filter_map(|port| port["targetPort"].as_str()).collect();
    ensure!(called == names, "the Service calls {called:?}");
    let ingress = of_kind("NetworkPolicy")?["spec"]["ingress"].as_array().context("no rules")?;
    let allowed: BTreeSet<&str> = ingress.iter().filter_map(|rule| rule["ports"][0]["port"].as_str()).collect();
    ensure!(allowed == names, "the NetworkPolicy allows {allowed:?}");
    // And the Service has the ports that the API server is told to call
    let numbers: Vec<_> = service.iter().map(|port| port["port"].as_i64()).collect();
    ensure!(numbers == [Some(9443), Some(8080)], "{numbers:?}");
    Ok(())
}

#[rstest]
#[case::by_default(&[], Value::Null, Value::Null)]
#[case::a_policy(&["dnsPolicy=Default"], Value::Null, json!("Default"))]
#[case::host_network(&["hostNetwork=true"], json!(true), json!("ClusterFirstWithHostNet"))]
#[case::host_network_with_a_policy(&["hostNetwork=true", "dnsPolicy=Default"], json!(true), json!("Default"))]
fn host_network_and_dns_policy(#[case] set: &[&str], #[case] network: Value, #[case] dns: Value) -> Result<()> {
    let pod = pod(&set.iter().flat_map(|set| ["--set", set]).collect::<Vec<_>>())?;
    ensure!(pod["hostNetwork"] == network && pod["dnsPolicy"] == dns, "{pod}");
    Ok(())
}

#[rstest]
#[case::by_default("hostNetwork=false", 1, 0)]
#[case::host_network("hostNetwork=true", 0, 1)]
// There is no other replica that would answer meanwhile.
#[case::host_network_of_one("hostNetwork=true,replicas=1", 1, 0)]
fn a_rollout_needs_no_more_nodes_than_there_are(
    #[case] set: &str,
    #[case] surge: u64,
    #[case] unavailable: u64,
) -> Result<()> {
    let rolling = deployment(&["--set", set])?["spec"]["strategy"]["rollingUpdate"].take();
    ensure!(rolling == json!({"maxSurge": surge, "maxUnavailable": unavailable}), "{rolling}");
    Ok(())
}

#[test]
fn security_contexts_can_be_unset() -> Result<()> {
    // Given the chart's defaults, which name a user
    let contexts = |set: &str| -> Result<(Value, Value)> {
        let pod = pod(&["--set", set])?;
        Ok((pod["securityContext"].clone(), pod["containers"][0]["securityContext"].clone()))
    };
    let (of_pod, of_container) = contexts("replicas=2")?;
    ensure!(of_pod["runAsUser"] == 65532 && of_container["readOnlyRootFilesystem"] == true, "{of_pod} {of_container}");
    // When the user is null, then only that is left out
    let (without_user, same) = contexts("podSecurityContext.runAsUser=null")?;
    ensure!(without_user.get("runAsUser").is_none() && without_user["runAsNonRoot"] == true, "{without_user}");
    ensure!(same == of_container, "{same}");
    // When both are null, then there is none
    let (none, none_either) = contexts("podSecurityContext=null,securityContext=null")?;
    ensure!(none.is_null() && none_either.is_null(), "{none} {none_either}");
    Ok(())
}

#[test]
fn on_openshift_no_user_is_forced() -> Result<()> {
    let values = in_repository("deploy/chart/ci/openshift-values.yaml").display().to_string();
    let pod = pod(&["--values", &values])?;
    ensure!(
        pod["securityContext"] == json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}),
        "{}",
        pod["securityContext"]
    );
    Ok(())
}

#[test]
fn the_image_is_by_its_digest_if_that_is_set() -> Result<()> {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let pod = pod(&["--set", &format!("image.digest={digest},image.tag=latest,image.repository=example.com/warden")])?;
    ensure!(pod["containers"][0]["image"] == format!("example.com/warden@{digest}"), "{pod}");
    Ok(())
}

#[test]
fn extra_volumes_come_after_those_of_the_chart() -> Result<()> {
    let set = "extraVolumes[0].name=ca,extraVolumes[0].configMap.name=company-ca,\
               extraVolumeMounts[0].name=ca,extraVolumeMounts[0].mountPath=/etc/ca";
    let pod = pod(&["--set", set])?;
    let names =
        |list: &Value| -> Vec<Value> { list.as_array().into_iter().flatten().map(|it| it["name"].clone()).collect() };
    ensure!(names(&pod["volumes"]) == ["config", "ca"], "{}", pod["volumes"]);
    let mounts = &pod["containers"][0]["volumeMounts"];
    ensure!(names(mounts) == ["config", "ca"] && mounts[1]["mountPath"] == "/etc/ca", "{mounts}");
    Ok(())
}
