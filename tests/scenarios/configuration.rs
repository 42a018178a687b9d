//! A configuration file that changes while warden serves, as a mounted ConfigMap does.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use warden_testbed::{Options, Stage, eventually};

use crate::manifests::Module;
use crate::scene::{LONG, Scene, raise};

/// A ConfigMap as a kubelet mounts it: the file is a symlink through `..data`, which is turned to a new folder.
struct Mounted {
    folder: TempDir,
    turns: u32,
}

impl Mounted {
    fn new(content: &str) -> Result<Self> {
        let mut mounted = Self { folder: tempfile::tempdir()?, turns: 0 };
        mounted.turn_to(content)?;
        symlink("..data/config.yaml", mounted.file())?;
        Ok(mounted)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("config.yaml")
    }

    fn argument(&self) -> String {
        format!("--config={}", self.file().display())
    }

    fn turn_to(&mut self, content: &str) -> Result<()> {
        self.turns += 1;
        let (folder, name) = (self.folder.path(), format!("..{}", self.turns));
        fs::create_dir(folder.join(&name))?;
        fs::write(folder.join(&name).join("config.yaml"), content)?;
        symlink(&name, folder.join("..data_tmp"))?;
        fs::rename(folder.join("..data_tmp"), folder.join("..data"))?;
        Ok(())
    }
}

/// What `kubectl apply` would say, without storing anything: admitted or not, and the words.
async fn tried(scene: &Scene<'_>, manifest: &Value) -> Result<(bool, String)> {
    let output = scene.kubectl_with(&["apply", "--dry-run=server"], manifest).await?;
    Ok((output.success, output.stderr))
}

/// Waits until `manifest` is admitted, or is not, with these words.
async fn comes_to(scene: &Scene<'_>, manifest: &Value, admitted: bool, words: &str) -> Result<()> {
    eventually(&format!("admitted: {admitted}, with {words:?}"), LONG, async || {
        let (success, said) = tried(scene, manifest).await.map_err(|error| error.to_string())?;
        if success == admitted && said.contains(words) { Ok(()) } else { Err(format!("{success}: {said}")) }
    })
    .await
}

async fn shows(stage: &Stage, line: &str) -> Result<()> {
    eventually(line, LONG, async || {
        let warden = stage.warden().map_err(|error| error.to_string())?;
        let metrics = warden.metrics().await.map_err(|error| error.to_string())?;
        if metrics.lines().any(|one| one.starts_with(line)) { Ok(()) } else { Err(metrics) }
    })
    .await
}

fn log_of(stage: &Stage) -> Result<String> {
    Ok(fs::read_to_string(stage.warden()?.process().log())?)
}

#[tokio::test]
async fn rules_and_log_level_change_while_it_serves_and_garbage_changes_nothing() -> Result<()> {
    // Given warden with a file that lowers one rule
    let mut config = Mounted::new("rules:\n  module-labels: warn\n")?;
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[config.argument()]).await?;
    let scene = Scene::with_bases(&stage, 0).await?;
    let mut misnamed = Module::new("misnamed", "1.0.0", &scene.base).deployment(1);
    misnamed["spec"]["template"]["metadata"]["labels"]["module.koupleless.io/name"] = json!("other");
    let mut older = Module::new("older", "1.0.0", &scene.base).deployment(1);
    older["spec"]["template"]["metadata"]["labels"]["module-controller.koupleless.io/component"] = json!("module");
    // Then what is refused by default is warned about
    let (admitted, said) = tried(&scene, &misnamed).await?;
    ensure!(admitted && said.contains("Warning: the label is \"other\""), "{said}");
    let (admitted, said) = tried(&scene, &older).await?;
    ensure!(admitted && said.contains("was dropped in V2.0"), "{said}");
    ensure!(!log_of(&stage)?.contains("DEBUG"), "{}", log_of(&stage)?);

    // When the file is turned to one that raises another rule and the log level
    config.turn_to("rules:\n  older-dialect: deny\nlog: debug\n")?;
    // Then both rules are what they are by that one, with field and remedy
    comes_to(&scene, &older, false, "labels[module-controller.koupleless.io/component]: ").await?;
    comes_to(&scene, &older, false, "To fix it: use virtual-kubelet.koupleless.io/component instead.").await?;
    comes_to(&scene, &misnamed, false, "the label is \"other\"").await?;
    // And the log says more
    eventually("the log has lines of level debug", LONG, async || {
        let log = log_of(&stage).map_err(|error| error.to_string())?;
        if log.contains("DEBUG") { Ok(()) } else { Err(log) }
    })
    .await?;
    shows(&stage, "warden_config_reloads_total{outcome=\"applied\"} 1").await?;

    // When it is garbage
    config.turn_to("rules:\n  same-version: warn\nlog: debug\n")?;
    // Then the metric and the log say so, the latter once, and what was in force stays
    shows(&stage, "warden_config_reload_failed 1").await?;
    comes_to(&scene, &older, false, "To fix it: ").await?;
    let told = log_of(&stage)?.matches("the configuration cannot be used").count();
    ensure!(told == 1, "{told} times in {}", log_of(&stage)?);
    ensure!(log_of(&stage)?.contains("line 2: rules.same-version"), "{}", log_of(&stage)?);

    // When it says nothing any more, then all is as by default
    config.turn_to("")?;
    shows(&stage, "warden_config_reload_failed 0").await?;
    comes_to(&scene, &older, true, "was dropped in V2.0").await?;
    comes_to(&scene, &misnamed, false, "the label is \"other\"").await
}

#[tokio::test]
async fn a_default_base_counts_for_peers_from_before_warden_at_once() -> Result<()> {
    // Given two bases, and a peer Deployment from before warden that says nothing of them
    let mut stage = raise(Options::new()).await?;
    let namespace = stage.plane.namespace("early").await?;
    let base = format!("base-of-{namespace}");
    let mut peer = Module::new("early", "1.0.0", &base).deployment(1);
    peer["metadata"]["annotations"] = json!({});
    peer["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    stage
        .plane
        .kubectl_with_stdin(&["-n", &namespace, "apply", "-f", "-"], &peer.to_string())
        .await?
        .expect_success()?;
    let mut nodes = Vec::new();
    for name in ["one", "two"] {
        nodes.push(stage.plane.add_base(warden_testbed::Base::new(name).name(&base)).await?);
    }
    // When warden comes, then no base is one for it
    let mut config = Mounted::new("peer: {window: 1}\n")?;
    stage.serve(&[config.argument()]).await?;
    let scene = Scene { stage: &stage, namespace, base, nodes };
    let replicas = async |wanted: u32| {
        let what = format!("{wanted} replicas");
        scene.until(&what, "deployments", |list| list.iter().all(|it| it["spec"]["replicas"] == wanted)).await
    };
    replicas(0).await?;
    // When the bases are those for modules that say none
    config.turn_to(&format!("peer: {{window: 1}}\ndefaultBase: {{name: {}, version: '1.0.0'}}\n", scene.base))?;
    // Then each carries it
    replicas(2).await?;
    scene.each_runs(&scene.nodes, "early", "1.0.0").await
}

#[tokio::test]
async fn a_hold_that_is_shortened_is_over_at_once() -> Result<()> {
    // Given most bases of a module gone, which is held for longer than this test waits
    let mut config = Mounted::new("peer: {massLossHold: 86400}\n")?;
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[config.argument()]).await?;
    let mut scene = Scene::with_peers(&stage, 4, "orders").await?;
    let gone = scene.nodes.split_off(1);
    stage.plane.delete_bases(&gone).await?;
    scene.hears("orders", "SyncHeld", "3 of 4 bases went at once").await?;
    ensure!(scene.replicas("orders").await? == 4);
    // When nothing is held any more
    config.turn_to("peer: {massLossHold: 0}\n")?;
    // Then the loss is followed
    scene.replicas_become("orders", 1).await
}

#[test]
fn a_file_that_cannot_be_used_ends_it_before_it_serves() -> Result<()> {
    let config = Mounted::new("log: info\npeer:\n  window: 0\nrules: {biz-version: warn}\n")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_warden"));
    let output = command.args(["serve", "--tls-cert=none", "--tls-key=none"]).arg(config.argument()).output()?;
    ensure!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let place = format!("{}: line 3: peer.window: 0 is no whole number of seconds", config.file().display());
    ensure!(said.contains(&place), "{said}");
    ensure!(said.contains("line 4: rules.biz-version"), "{said}");
    Ok(())
}
