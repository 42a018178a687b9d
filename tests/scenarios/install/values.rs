//! What can be set, and each variant that ships: installed, upgraded, uninstalled.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use rstest::rstest;
use serde_json::Value;
use warden_testbed::ControlPlane;

use super::{
    NAME, belongings, chart, in_repository, namespace_of_standard, nothing_is_left, render, shared_plane, stored,
};

/// The variants: their names, the paths of their files.
fn variants() -> Result<Vec<(String, String)>> {
    let mut variants = Vec::new();
    for file in fs::read_dir(in_repository("deploy/chart/ci"))? {
        let path = file?.path().display().to_string();
        let file = path.rsplit('/').next().context("no name")?;
        let name = file.strip_suffix("-values.yaml").with_context(|| format!("{file} is no variant"))?;
        variants.push((name.to_owned(), path));
    }
    ensure!(!variants.is_empty());
    Ok(variants)
}

fn yaml(path: &str) -> Result<Value> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(path)?)?)
}

/// The options that a schema knows, as paths; without those that only Helm reads.
fn options(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    match schema["properties"].as_object() {
        None => drop(found.insert(path.to_owned())),
        Some(properties) => {
            for (name, schema) in properties.iter().filter(|(name, _)| *name != "global") {
                options(schema, &format!("{path}/{name}"), found);
            }
        }
    }
}

fn all_options() -> Result<BTreeSet<String>> {
    let schema = fs::read_to_string(in_repository("deploy/chart/values.schema.json"))?;
    let mut found = BTreeSet::new();
    options(&serde_json::from_str(&schema)?, "", &mut found);
    ensure!(found.contains("/webhooks/failurePolicy"), "{found:?}");
    Ok(found)
}

#[test]
fn every_option_has_a_default_and_a_variant() -> Result<()> {
    // Given the values that are documented, and the variants
    let defaults = yaml(&in_repository("deploy/chart/values.yaml").display().to_string())?;
    let variants = variants()?.iter().map(|(_, path)| yaml(path)).collect::<Result<Vec<_>>>()?;
    for option in all_options()? {
        // Then each option of the schema is among the former, but for what is empty there
        let is_in = |values: &Value| values.pointer(&option).is_some();
        let above = option.match_indices('/').map(|(end, _)| defaults.pointer(&option[..end]));
        let left_empty = above.flatten().any(|value| value.as_object().is_some_and(serde_json::Map::is_empty));
        ensure!(is_in(&defaults) || left_empty, "{option} is not documented in values.yaml");
        // And it is set in one of the latter
        ensure!(variants.iter().any(is_in), "{option} is set in no variant");
    }
    Ok(())
}

#[rstest]
#[case::unknown("replica=2", "additional properties 'replica' not allowed")]
#[case::unknown_below("image.name=warden", "additional properties 'name' not allowed")]
#[case::type_of_a_number("replicas=two", "got string, want integer")]
#[case::no_replicas("replicas=0", "minimum: got 0, want 1")]
#[case::old_tls("tls.minVersion=1.1", "must be one of '1.2', '1.3'")]
#[case::files_without_a_secret(
    "certificates.mode=files",
    "certificates.secretName: which Secret holds the certificate?"
)]
#[case::two_authorities("tls.clientCA.secret=a,tls.clientCA.configMap=b", "configMap or secret, not both")]
#[case::names_without_an_authority("tls.clientNames={a}", "tls.clientNames without tls.clientCA")]
#[case::two_leaders("leaderElection.leaseDuration=10", "(10s) must be longer than the renew deadline (10s)")]
#[case::no_renewal("leaderElection.retryPeriod=9", "(10s) must be longer than 1.2 retry periods (9s)")]
#[case::none_and_one("controllers={peer,none}", "controllers: none stands alone")]
#[case::issuer_without_name("certificates.certManager.issuerRef.kind=Issuer", "missing property 'name'")]
#[case::policy("webhooks.failurePolicy=Maybe", "must be one of 'Fail', 'Ignore'")]
#[case::timeout("webhooks.timeoutSeconds=31", "maximum: got 31, want 30")]
#[case::unknown_in_the_configuration("config.defaultenv=dev", "additional properties 'defaultenv' not allowed")]
#[case::severity("config.rules.topology-spread=off", "must be one of 'warn', 'deny'")]
#[case::a_rule_that_cannot_be_lowered("config.rules.biz-version=warn", "value must be 'deny'")]
#[case::no_rule("config.rules.sidecar=deny", "additional properties 'sidecar' not allowed")]
#[case::no_label_value("config.defaultEnv=a/b", "'a/b' does not match pattern")]
#[case::no_eviction("podDisruptionBudget.maxUnavailable=0", "minimum: got 0, want 1")]
#[case::digest("image.digest=latest", "/image/digest")]
#[case::one_port_for_both("server.port=8080", "server: port and opsPort are both 8080; they must differ")]
#[case::no_port("server.opsPort=65536", "/server/opsPort")]
#[case::address_of_one_pod("server.address=10.0.0.1", "must be one of '::', '0.0.0.0'")]
#[case::unknown_dns_policy("dnsPolicy=Cluster", "/dnsPolicy")]
#[case::no_name_servers("dnsPolicy=None", "dnsPolicy None without dnsConfig")]
#[case::security_context("securityContext=true", "got boolean, want null or object")]
#[case::volume_without_name("extraVolumes[0].emptyDir.medium=Memory", "missing property 'name'")]
#[case::mount_without_path("extraVolumeMounts[0].name=scratch", "missing property 'mountPath'")]
#[case::a_name_that_is_none("fullnameOverride=Warden", "/fullnameOverride")]
fn what_cannot_be_meant_is_refused(#[case] set: &str, #[case] told: &str) {
    let refused = render(NAME, NAME, &["--set", set]).expect_err("it is refused").to_string();
    assert!(refused.contains(told), "{refused}");
}

#[rstest]
#[case("default")]
#[case("kube-public")]
#[case("kube-node-lease")]
fn it_is_not_installed_among_others(#[case] namespace: &str) {
    let refused = render(namespace, NAME, &[]).expect_err("it is refused").to_string();
    assert!(refused.contains("so it needs a Namespace for itself alone"), "{refused}");
}

#[test]
fn the_defaults_of_the_chart_are_those_of_warden() -> Result<()> {
    // Given what warden says of its flags
    let help = Command::new(env!("CARGO_BIN_EXE_warden")).args(["serve", "--help"]).output()?;
    let help = String::from_utf8(help.stdout)?;
    let default = |flag: &str| -> Option<&str> {
        let (_, about) = help.split_once(&format!("\n      {flag} "))?;
        let (about, _) = about.split_once("\n      --").unwrap_or((about, ""));
        about.split_once("[default: ")?.1.split("]\n").next()
    };
    // Then the chart says the same by default, but for where the file is, and that machines read the log
    let deployment = super::objects(&render(NAME, NAME, &["--show-only", "templates/deployment.yaml"])?)?;
    let args = deployment[0]["spec"]["template"]["spec"]["containers"][0]["args"].as_array().context("no args")?;
    let mut compared = 0;
    for (flag, value) in args.iter().filter_map(|arg| arg.as_str()?.split_once('=')) {
        if !["--config", "--log-format"].contains(&flag) {
            ensure!(default(flag) == Some(value), "{flag}: {value} by the chart, {:?} by warden", default(flag));
            compared += 1;
        }
    }
    ensure!(compared > 10, "{args:?}");
    Ok(())
}

#[test]
fn the_chart_is_of_the_version_that_it_installs() -> Result<()> {
    let chart = yaml(&in_repository("deploy/chart/Chart.yaml").display().to_string())?;
    for version in ["version", "appVersion"] {
        ensure!(chart[version] == env!("CARGO_PKG_VERSION"), "{version}: {}", chart[version]);
    }
    Ok(())
}

#[test]
fn a_release_of_another_name_has_objects_of_its_own() -> Result<()> {
    // Given two releases of other names in one Namespace
    let names = |release: &str| -> Result<BTreeSet<String>> {
        let objects = super::objects(&render("platform", release, &[])?)?;
        Ok(objects.iter().map(|object| format!("{} {}", object["kind"], object["metadata"]["name"])).collect())
    };
    let (one, other) = (names("one")?, names("other")?);
    // Then they have no object in common
    ensure!(one.is_disjoint(&other) && one.contains("\"Service\" \"one-koupleless-warden\""), "{one:?}");
    Ok(())
}

#[tokio::test]
async fn every_variant_is_installed_upgraded_and_uninstalled() -> Result<()> {
    let plane = shared_plane().await?;
    let variants = variants()?;
    let tried = variants.iter().map(async |(name, values)| {
        install_upgrade_uninstall(plane, name, values).await.with_context(|| format!("variant {name}"))
    });
    try_join_all(tried).await?;
    Ok(())
}

async fn install_upgrade_uninstall(plane: &ControlPlane, variant: &str, values: &str) -> Result<()> {
    // Given a Namespace under the strictest standard that admits such Pods, and a name that says nothing by itself
    let namespace = format!("variant-{variant}");
    let standard = if yaml(values)?["hostNetwork"] == true { "privileged" } else { "restricted" };
    namespace_of_standard(plane, &namespace, standard).await?;
    let (release, chart) = (format!("v-{variant}"), chart());
    let before = belongings(plane, &namespace, &release).await?;
    let set = format!("fullnameOverride={release}");
    let common = ["--namespace", &namespace, "--values", values, "--set", &set, "--wait", "--timeout=3m"];
    // When it is installed, then its Pods come to run
    plane.helm(&[&["install", &release, &chart], &common[..]].concat()).await?;
    // And all that it says is known to the API server
    let rendered = render(&namespace, &release, &["--values", values, "--set", &set])?;
    let strict = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
    plane.kubectl_with_stdin(&strict, &rendered).await?.expect_success()?;
    // When it is upgraded, with a change that replaces every Pod, then that holds of what was changed
    let changes = ["--set=replicas=4", "--set-string=podAnnotations.upgraded=yes"];
    plane.helm(&[&["upgrade", &release, &chart], &changes[..], &common[..]].concat()).await?;
    let deployment = stored(plane, &namespace, &format!("deployment/{release}")).await?;
    ensure!(deployment["status"]["readyReplicas"] == 4, "{deployment}");
    // When it is uninstalled, then nothing is left
    plane.helm(&["uninstall", &release, "--namespace", &namespace, "--wait", "--timeout=3m"]).await?;
    nothing_is_left(plane, &namespace, &release, &before).await
}
