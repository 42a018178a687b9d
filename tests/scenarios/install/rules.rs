//! The alerts, checked and tried by promtool.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::promtool_program;

use super::{NAME, in_repository, objects, render};

const FILES: [&str; 2] = ["rules.yaml", "rules-peer.yaml"];

fn promtool(dir: &Path, args: &[&str]) -> Result<String> {
    let output = Command::new(promtool_program()?).args(args).current_dir(dir).output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{said}");
    Ok(said)
}

/// The groups of the PrometheusRule that the chart renders.
fn rendered_groups(args: &[&str]) -> Result<Value> {
    let rendered = render(NAME, NAME, &[&["--set", "metrics.rules.enabled=true"], args].concat())?;
    let rule = objects(&rendered)?.into_iter().find(|object| object["kind"] == "PrometheusRule");
    Ok(rule.context("no PrometheusRule")?["spec"].clone())
}

fn alerts(groups: &Value) -> BTreeSet<String> {
    let groups = groups["groups"].as_array().into_iter().flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    rules.filter_map(|rule| rule["alert"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_alerts_fire_when_they_should() -> Result<()> {
    // Given the files that ship, and series of ours
    let dir = tempfile::tempdir()?;
    for file in FILES {
        fs::copy(in_repository(&format!("deploy/chart/files/{file}")), dir.path().join(file))?;
    }
    fs::copy(in_repository("tests/fixtures/alerts.yaml"), dir.path().join("alerts.yaml"))?;
    // Then they are right, and each alert fires as is said there
    println!("{}", promtool(dir.path(), &[&["check", "rules"], &FILES[..]].concat())?);
    println!("{}", promtool(dir.path(), &["test", "rules", "alerts.yaml"])?);
    // And none is left untried
    let tried = fs::read_to_string(in_repository("tests/fixtures/alerts.yaml"))?;
    for file in FILES {
        let text = fs::read_to_string(dir.path().join(file))?;
        for alert in alerts(&serde_saphyr::from_str(&text)?) {
            ensure!(tried.contains(&format!("alertname: {alert}\n")), "{alert} is not tried");
        }
    }
    Ok(())
}

#[test]
fn the_chart_renders_all_alerts_and_those_of_peers_where_peers_are_controlled() -> Result<()> {
    // Given the PrometheusRule with the controller and without
    let (with, without) = (rendered_groups(&[])?, rendered_groups(&["--set", "controllers={none}"])?);
    // Then they differ in the alerts that speak of it
    let (all, some) = (alerts(&with), alerts(&without));
    let of_peers: Vec<_> = all.difference(&some).map(String::as_str).collect();
    ensure!(some.is_subset(&all) && some.contains("WardenNoLeader"), "{some:?}");
    ensure!(of_peers == ["WardenPeerHeld", "WardenWriteErrors"], "{of_peers:?}");
    // And Prometheus takes them
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("rules.json"), json!({"groups": with["groups"]}).to_string())?;
    promtool(dir.path(), &["check", "rules", "rules.json"])?;
    Ok(())
}

#[test]
fn the_chart_asks_for_its_own_deployment() -> Result<()> {
    // Given a release of another name
    let groups = rendered_groups(&["--set", "fullnameOverride=gate"])?;
    // Then what comes from kube-state-metrics is asked for by that
    let rules = groups["groups"].as_array().into_iter().flatten().flat_map(|group| group["rules"].as_array());
    let rule = rules.flatten().find(|rule| rule["alert"] == "WardenNotReady").context("no such alert")?;
    let asked = rule["expr"].as_str().context("no expression")?;
    ensure!(asked.contains(&format!(r#"{{deployment="gate", namespace="{NAME}"}}"#)), "{asked}");
    Ok(())
}

#[test]
fn every_alert_says_what_to_do() -> Result<()> {
    for group in rendered_groups(&[])?["groups"].as_array().into_iter().flatten() {
        for rule in group["rules"].as_array().into_iter().flatten() {
            let alert = rule["alert"].as_str().context("no alert")?;
            let runbook = format!("docs/operations.md#{}", alert.to_lowercase());
            let annotations = &rule["annotations"];
            ensure!(annotations["runbook"] == runbook.as_str(), "{alert}: {}", annotations["runbook"]);
            for text in ["summary", "description"] {
                ensure!(annotations[text].as_str().is_some_and(|text| text.ends_with('.')), "{alert}: {annotations}");
            }
            let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
            ensure!(["critical", "warning"].contains(&severity), "{alert}: {severity}");
        }
    }
    Ok(())
}
