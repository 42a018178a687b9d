//! Rules and dashboard speak of metrics that there are.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::in_repository;
use crate::scene::shared;

const FILES: [&str; 3] = ["rules.yaml", "rules-peer.yaml", "dashboard.json"];

/// All words in `text` that are called like one of warden's metrics.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("warden_")).collect()
}

/// The name of a series as it is registered: the text format adds an ending to counters and histograms.
fn family(series: &str) -> &str {
    let endings = ["_total", "_bucket", "_count", "_sum"];
    endings.iter().find_map(|ending| series.strip_suffix(ending)).unwrap_or(series)
}

/// What the sources register, by prefix and name: `/metrics` shows a family only once something was counted in it.
fn registered() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![in_repository("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path)?;
            for text in text.split("sub_registry_with_prefix(\"").skip(1) {
                let (prefix, text) = text.split_once('"').context("no prefix")?;
                let calls = text.split(".register(").skip(1);
                let names = calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next());
                found.extend(names.map(|name| format!("{prefix}_{name}")));
            }
        }
    }
    Ok(found)
}

#[tokio::test]
async fn rules_and_dashboard_name_no_metric_that_is_not_there() -> Result<()> {
    // Given what warden registers, which is what it shows, as far as that goes
    let registered = registered()?;
    let shown = shared().await?.warden()?.metrics().await?;
    for line in shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().context("no name")?;
        ensure!(registered.contains(name), "{name} is shown; registered are {registered:?}");
    }
    for file in FILES {
        // Then each file speaks of that, and of nothing else
        let text = fs::read_to_string(in_repository(&format!("deploy/chart/files/{file}")))?;
        let named = metrics_in(&text);
        let missing: Vec<_> = named.iter().filter(|name| !registered.contains(family(name))).collect();
        ensure!(!named.is_empty() && missing.is_empty(), "{file} names {missing:?}; there are {registered:?}");
    }
    Ok(())
}

#[test]
fn the_dashboard_has_panels_that_ask_something() -> Result<()> {
    let text = fs::read_to_string(in_repository("deploy/chart/files/dashboard.json"))?;
    let dashboard: Value = serde_json::from_str(&text)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let (rows, panels): (Vec<_>, Vec<_>) = panels.iter().partition(|panel| panel["type"] == "row");
    ensure!(rows.len() == 5 && panels.len() > 15, "{} rows, {} panels", rows.len(), panels.len());
    // Each panel has a place of its own, says what it shows, and asks for it
    let mut ids = BTreeSet::new();
    for panel in panels {
        let asked = panel["targets"].as_array().into_iter().flatten();
        let empty = asked.clone().any(|target| target["expr"].as_str().is_none_or(str::is_empty));
        ensure!(asked.count() > 0 && !empty, "{panel}");
        ensure!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{panel}");
        ensure!(ids.insert(panel["id"].to_string()), "{panel}");
    }
    Ok(())
}
