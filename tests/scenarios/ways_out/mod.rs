//! Every refusal names a way out that works from where the user stands. A walk through a corpus of mistakes, on new objects and on
//! running ones: each is refused, what the refusal says is done, and the module is on its bases.
//!
//! What is done is read from the message: a key, a version, a field, or a command that is run as it stands.

mod case;
mod corpus;
mod refusal;
mod releases;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use koupleless_warden::policy::{Rule, Severity};
use serde_json::{Value, json};
use warden_testbed::{KubectlOutput, eventually};

use crate::scene::{LONG, Scene, shared};
use case::Case;
use corpus::{NOT_SHOWN, corpus};
use refusal::Refusal;

const BASES: u8 = 2;

/// Stands for the namespace of the scene in a command line.
const NAMESPACE: &str = "NAMESPACE";

/// Something that a user does.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Apply(Value),
    /// A command line, without its namespace.
    Kubectl(String),
}

#[test]
fn every_rule_that_refuses_is_in_the_corpus() {
    let cases = corpus("base");
    for rule in Rule::ALL.iter().filter(|rule| rule.severity() == Severity::Deny) {
        let is_walked = cases.iter().any(|case| case.rule == rule.name());
        let is_explained = NOT_SHOWN.iter().any(|(name, _)| *name == rule.name());
        assert!(is_walked != is_explained, "{rule}: add a case, or say in NOT_SHOWN why there can be none");
    }
    for name in cases.iter().map(|case| case.rule).chain(NOT_SHOWN.iter().map(|(name, _)| *name)) {
        assert!(Rule::named(name).is_some(), "there is no rule {name}");
    }
}

#[tokio::test]
async fn every_refusal_names_a_way_out_that_works() -> Result<()> {
    // Given two bases, and the modules of all cases that begin with a running one
    let scene = Scene::with_bases(shared().await?, usize::from(BASES)).await?;
    let cases = corpus(&scene.base);
    let given: Vec<Value> = cases.iter().filter_map(|case| case.given.clone()).collect();
    apply(&scene, &given).await?;
    runs(&scene, cases.iter().filter(|case| case.given.is_some()).map(|case| (case, "1.0.0"))).await?;
    let since = scene.stage.plane.ledger().mark();
    // When every mistake is made, then each is refused, by the rule that is to refuse it
    let refusals = make_mistakes(&scene, &cases).await?;
    let mut ways = Vec::new();
    for case in &cases {
        let refusal = refusals.get(&case.name).with_context(|| format!("{} was not refused", case.name))?;
        ensure!(refusal.problem.contains(case.says), "{}: {refusal}", case.name);
        ways.push((case.way_out)(refusal).with_context(|| format!("{}: {refusal}", case.name))?);
    }
    // And what ran runs on
    scene.stage.plane.ledger().catch_up(LONG).await?;
    for case in cases.iter().filter(|case| case.given.is_some()) {
        for node in &scene.nodes {
            let gap = scene.stage.plane.ledger().was_ever_without(node, case.module, since);
            ensure!(gap.is_none(), "{}: {gap:?}", case.name);
        }
    }
    // When each user does what the refusal says
    take(&scene, ways).await?;
    // Then each module is on its bases, and never twice on one
    runs(&scene, cases.iter().map(|case| (case, case.ends))).await?;
    scene.never_two(since).await
}

/// `kubectl apply` of all of them at once, which must succeed.
async fn apply(scene: &Scene<'_>, manifests: &[Value]) -> Result<()> {
    if manifests.is_empty() {
        return Ok(());
    }
    scene.apply(&list(manifests)).await.map(|_| ())
}

fn list(manifests: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": manifests})
}

/// Runs a command line as it stands, in the namespace of the scene.
async fn run(scene: &Scene<'_>, line: &str) -> Result<KubectlOutput> {
    let line = line.replace(NAMESPACE, &scene.namespace);
    let args: Vec<&str> = line.split_whitespace().skip_while(|word| *word == "kubectl").collect();
    scene.kubectl(&args).await
}

/// Makes each mistake; gives the refusals by the name of the case.
async fn make_mistakes(scene: &Scene<'_>, cases: &[Case]) -> Result<BTreeMap<String, Refusal>> {
    let applied: Vec<Value> = cases.iter().flat_map(|case| &case.mistake).filter_map(manifest).collect();
    let output = scene.kubectl_with(&["apply"], &list(&applied)).await?;
    let mut refusals = Refusal::each_of(&output.stderr);
    // A mistake may take several commands, the last of which is refused.
    let commands = cases.iter().filter(|case| case.mistake.iter().all(|step| manifest(step).is_none()));
    let refused = try_join_all(commands.map(async |case| {
        let (last, before) = case.mistake.split_last().context("there is no mistake")?;
        for step in before {
            run(scene, line(step)).await?.expect_success()?;
        }
        let output = run(scene, line(last)).await?;
        ensure!(!output.success, "{} was admitted", case.name);
        anyhow::Ok((case.name.clone(), Refusal::of(&output.stderr)?))
    }))
    .await?;
    refusals.extend(refused);
    Ok(refusals)
}

fn manifest(step: &Step) -> Option<Value> {
    match step {
        Step::Apply(manifest) => Some(manifest.clone()),
        Step::Kubectl(_) => None,
    }
}

fn line(step: &Step) -> &str {
    match step {
        Step::Apply(_) => "",
        Step::Kubectl(line) => line,
    }
}

/// Takes the steps of all ways: first the first of each, then the second of each, and so on.
async fn take(scene: &Scene<'_>, ways: Vec<Vec<Step>>) -> Result<()> {
    for number in 0..ways.iter().map(Vec::len).max().unwrap_or(0) {
        let steps: Vec<&Step> = ways.iter().filter_map(|way| way.get(number)).collect();
        let applied: Vec<Value> = steps.iter().filter_map(|step| manifest(step)).collect();
        if number == 0 {
            apply(scene, &applied).await?;
        } else {
            // What was done to the Namespace before reaches warden by a watch.
            let again = async || apply(scene, &applied).await.map_err(|error| error.to_string());
            eventually("what follows is admitted", LONG, again).await?;
        }
        let lines = steps.iter().map(|step| line(step)).filter(|line| !line.is_empty());
        try_join_all(lines.map(async |line| run(scene, line).await?.expect_success().context(line.to_owned()))).await?;
    }
    Ok(())
}

/// Waits until no rollout is under way, and each case has its module in this version on its bases.
async fn runs<'c>(scene: &Scene<'_>, cases: impl Iterator<Item = (&'c Case, &'c str)>) -> Result<()> {
    let objects = scene.objects()?;
    eventually("nothing rolls out", LONG, async || {
        for kind in ["deployments", "statefulsets", "daemonsets"] {
            let workloads = objects.list(kind).await.map_err(|error| error.to_string())?;
            if let Some(unfinished) = workloads.iter().find(|workload| !is_complete(workload)) {
                return Err(unfinished.to_string());
            }
        }
        Ok(())
    })
    .await?;
    try_join_all(cases.map(async |(case, version)| {
        scene.some_run(case.bases, case.module, version).await.context(case.name.clone())
    }))
    .await?;
    Ok(())
}

fn is_complete(workload: &Value) -> bool {
    let status = &workload["status"];
    let number = |field: &str| status[field].as_u64().unwrap_or(0);
    let is_observed = status["observedGeneration"] == workload["metadata"]["generation"];
    let wanted = workload["spec"]["replicas"].as_u64();
    is_observed
        && match wanted {
            Some(wanted) => {
                ["replicas", "updatedReplicas", "readyReplicas"].iter().all(|field| number(field) == wanted)
            }
            None => {
                let wanted = number("desiredNumberScheduled");
                wanted > 0 && ["updatedNumberScheduled", "numberReady"].iter().all(|field| number(field) == wanted)
            }
        }
}
