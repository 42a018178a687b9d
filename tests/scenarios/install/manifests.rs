//! The plain manifests and the overlays come from the chart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use rstest::rstest;
use serde_json::Value;
use warden_testbed::Binaries;

use super::{NAME, in_repository, objects, render};

/// Labels by which Helm marks the objects of a release. Plain manifests do not have them.
const HELMS_OWN: [&str; 2] = ["app.kubernetes.io/managed-by", "helm.sh/chart"];

/// What the chart renders in its own Namespace, by the template it comes from, without Helm's own labels.
fn rendered(args: &[&str]) -> Result<BTreeMap<String, String>> {
    let rendered = render(NAME, NAME, args)?;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for document in rendered.split("---\n").filter(|document| !document.trim().is_empty()) {
        let (source, text) = document.split_once('\n').context("a document of one line")?;
        let file = source.rsplit('/').next().context("no source")?;
        let is_helms = |line: &&str| HELMS_OWN.iter().any(|label| line.trim_start().starts_with(label));
        let lines: Vec<&str> = text.trim_matches('\n').lines().filter(|line| !is_helms(line)).collect();
        let text = lines.join("\n") + "\n";
        files.entry(file.to_owned()).and_modify(|all| *all = format!("{all}---\n{text}")).or_insert(text);
    }
    Ok(files)
}

/// A file is as it should be; with `WARDEN_BLESS` it is made so.
fn holds(path: &str, text: &str) -> Result<()> {
    let file = in_repository(path);
    if std::env::var_os("WARDEN_BLESS").is_some() {
        fs::write(&file, text)?;
    }
    let stands = fs::read_to_string(&file).with_context(|| format!("{path} is missing"))?;
    similar_asserts::assert_eq!(stands, text, "{path}: WARDEN_BLESS=1 writes it anew");
    Ok(())
}

/// The folder of the webhook configurations, and how the chart's templates of them begin.
const WEBHOOKS: (&str, &str) = ("webhook-config", "webhooks-");

/// The resources that a folder's kustomization lists.
fn resources(folder: &str) -> Result<BTreeSet<String>> {
    let kustomization = fs::read_to_string(in_repository(&format!("{folder}/kustomization.yaml")))?;
    let kustomization: Value = serde_saphyr::from_str(&kustomization)?;
    let resources = kustomization["resources"].as_array().context("no resources")?;
    Ok(resources.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[test]
fn the_manifests_are_what_the_chart_renders() -> Result<()> {
    // Given what the chart renders with its defaults
    let (mut manifests, mut webhooks) = (BTreeSet::new(), BTreeSet::new());
    for (template, text) in rendered(&[])? {
        let (folder, file, files) = match template.strip_prefix(WEBHOOKS.1) {
            Some(file) => (WEBHOOKS.0, file.to_owned(), &mut webhooks),
            None => ("deploy/manifests", template, &mut manifests),
        };
        // Then each file is that
        holds(&format!("{folder}/{file}"), &text)?;
        files.insert(file);
    }
    // And all of them are applied, with the Namespace and nothing else
    similar_asserts::assert_eq!(resources(WEBHOOKS.0)?, webhooks);
    manifests.extend(["namespace.yaml".to_owned(), format!("../../{}", WEBHOOKS.0)]);
    similar_asserts::assert_eq!(resources("deploy/manifests")?, manifests);
    Ok(())
}

#[test]
fn the_objects_of_cert_manager_are_what_the_chart_renders() -> Result<()> {
    let files = rendered(&["--set", "certificates.mode=certManager"])?;
    holds("deploy/overlays/cert-manager/certmanager.yaml", &files["certmanager.yaml"])
}

/// The objects by kind and name, without what only Helm or only kustomize adds.
fn by_name(documents: &str) -> Result<BTreeMap<String, Value>> {
    let mut by_name = BTreeMap::new();
    for mut object in objects(documents)? {
        normalize(&mut object);
        by_name.insert(format!("{} {}", object["kind"], object["metadata"]["name"]), object);
    }
    // Helm makes the Namespace by itself, if told to.
    by_name.remove(&format!("\"Namespace\" \"{NAME}\""));
    Ok(by_name)
}

/// Without Helm's own labels, and every white space the same: kustomize folds long texts, and not as it found them.
fn normalize(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !HELMS_OWN.contains(&name.as_str()));
            fields.values_mut().for_each(normalize);
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::String(text) => *text = text.split_whitespace().collect::<Vec<_>>().join(" "),
        _ => {}
    }
}

#[rstest]
#[case::base("manifests", "default")]
#[case::development("overlays/development", "development")]
#[case::cert_manager("overlays/cert-manager", "cert-manager-defaults")]
fn kustomize_builds_what_the_chart_renders(#[case] folder: &str, #[case] variant: &str) -> Result<()> {
    // Given what kustomize makes of the folder
    let kubectl = Binaries::find_or_build()?;
    let output =
        Command::new(kubectl.kubectl()).arg("kustomize").arg(in_repository(&format!("deploy/{folder}"))).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // When the chart is rendered with the values that mean the same
    let args: &[&str] = match variant {
        "cert-manager-defaults" => &["--set", "certificates.mode=certManager"],
        variant => {
            &["--values", &in_repository(&format!("deploy/chart/ci/{variant}-values.yaml")).display().to_string()]
        }
    };
    let rendered = render(NAME, NAME, args)?;
    // Then it is the same
    similar_asserts::assert_eq!(by_name(&String::from_utf8(output.stdout)?)?, by_name(&rendered)?);
    Ok(())
}
