//! Mistakes of a release.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::case::{
    BASE_NAME, COMPONENT, Case, Corpus, Edit, INJECT, Mend, STRATEGY, WayOut, another_template, apart, container,
    deployment, edited, free_a_base, jar, mended, nothing, rebuild, release, remove_annotation, required, template,
};
use super::refusal::Refusal;
use super::{BASES, Step};
use crate::manifests::Module;

pub(super) fn version_and_jar(corpus: &mut Corpus<'_>) {
    const RULE: &str = "half-release";
    const SAYS: &str = "the jar is still that of";
    fn both(refusal: &Refusal, m: &mut Value) -> Result<()> {
        let version = refusal.between("change both at once: BIZ_VERSION to \"", "\" and the image")?.to_owned();
        refusal.says("in one kubectl apply")?;
        release(m, &version);
        Ok(())
    }
    let half: Edit = |m| container(m)["env"][0]["value"] = json!("2.0.0");
    corpus.update(RULE, "half-applied", SAYS, [nothing, half], "2.0.0", both);
    let given = Module::new("half-stateful", "1.0.0", corpus.base)
        .workload("StatefulSet", json!({"replicas": BASES, "serviceName": "s", "podManagementPolicy": "Parallel"}));
    let broken = edited(given.clone(), half);
    let way_out = mended(broken.clone(), both);
    corpus.cases.push(Case::new(RULE, "half-stateful", SAYS, Step::Apply(broken), way_out).given(given, "2.0.0"));

    // By commands: the two that are quoted, and between them what is to be changed.
    let in_two_steps = |module: &'static str| -> WayOut {
        Box::new(move |refusal| {
            let version = refusal.between("BIZ_VERSION to \"", "\" and the image")?;
            let commands = refusal.commands();
            let (last, before) = commands.split_last().context("no command is quoted")?;
            let before = before.iter().cloned();
            let changes = [
                format!("kubectl set env deployment/{module} BIZ_VERSION={version}"),
                format!("kubectl set image deployment/{module} {module}={}", jar(module, version)),
            ];
            Ok(before.chain(changes).chain([last.clone()]).map(Step::Kubectl).collect())
        })
    };
    let set_env = |module: &str| Step::Kubectl(format!("kubectl set env deployment/{module} BIZ_VERSION=2.0.0"));
    let set_image = |module: &str| {
        Step::Kubectl(format!("kubectl set image deployment/{module} {module}={}", jar(module, "2.0.0")))
    };
    for (rule, module, mistake, says) in [
        (RULE, "half-by-env", set_env("half-by-env"), SAYS),
        ("same-version", "half-by-image", set_image("half-by-image"), "the jar changed but BIZ_VERSION is still"),
    ] {
        let given = deployment(module, "1.0.0", corpus.base);
        corpus.cases.push(Case::new(rule, module, says, mistake, in_two_steps(module)).given(given, "2.0.0"));
    }
    let module = "half-resumed";
    let rollout = |verb: &str| Step::Kubectl(format!("kubectl rollout {verb} deployment/{module}"));
    let given = deployment(module, "1.0.0", corpus.base);
    let resumed = Case::new(RULE, module, SAYS, rollout("resume"), in_two_steps(module)).given(given, "2.0.0");
    let mistake = vec![rollout("pause"), set_env(module), rollout("resume")];
    corpus.cases.push(Case { mistake, ..resumed });
}

pub(super) fn the_same_version(corpus: &mut Corpus<'_>) {
    fn new_version(refusal: &Refusal, m: &mut Value) -> Result<()> {
        refusal.says("release it under a new BIZ_VERSION, in the same change as its jar")?;
        release(m, "2.0.0");
        Ok(())
    }
    fn frees(refusal: &Refusal, m: &mut Value) -> Result<()> {
        refusal.says("set maxUnavailable to 1")?;
        free_a_base(m);
        Ok(())
    }
    fn recreates(refusal: &Refusal, m: &mut Value) -> Result<()> {
        refusal.says("the strategy to Recreate without rollingUpdate")?;
        m["spec"]["strategy"] = json!({"type": "Recreate"});
        Ok(())
    }
    fn allows(refusal: &Refusal, m: &mut Value) -> Result<()> {
        let (key, value) = refusal.pair_after("on purpose, annotate the Deployment with ")?;
        m["metadata"]["annotations"][key] = json!(value);
        Ok(())
    }
    const JAR: &str = "the jar changed but BIZ_VERSION is still";
    let mistake: [Edit; 2] = [nothing, rebuild];
    corpus.update("same-version", "jar-new-version", JAR, mistake, "2.0.0", |refusal, m| {
        refusal.says("change both at once: BIZ_VERSION to a new version and the image to the jar of that version")?;
        release(m, "2.0.0");
        Ok(())
    });
    corpus.update("same-version", "jar-allowed", JAR, [free_a_base, rebuild], "1.0.0", allows);
    corpus.update("same-version", "jar-allowed-and-freed", JAR, mistake, "1.0.0", |refusal, m| {
        allows(refusal, m)?;
        frees(refusal, m)
    });
    corpus.update("same-version", "jar-allowed-recreated", JAR, mistake, "1.0.0", |refusal, m| {
        allows(refusal, m)?;
        recreates(refusal, m)
    });

    const BLOCKED: &str = "no new one can ever be placed";
    let allowed: Edit = |m| m["metadata"]["annotations"]["warden.koupleless.io/allow-same-version"] = json!("true");
    corpus.update("blocked-release", "blocked-freed", BLOCKED, [allowed, rebuild], "1.0.0", frees);
    corpus.update("blocked-release", "blocked-recreated", BLOCKED, [allowed, rebuild], "1.0.0", recreates);
    let peer: Edit = |m| m["metadata"]["labels"][STRATEGY] = json!("peer");
    corpus.update("blocked-release", "peer-freed", BLOCKED, [peer, another_template], "1.0.0", frees);
    corpus.update("blocked-release", "peer-new-version", BLOCKED, [peer, another_template], "2.0.0", new_version);

    // warden labels the Pods of this plane before a user can do anything, so the wait for labels is in tests/engine/ways_out alone.
    const MEET: &str = "can land on a base with an old one";
    let opted_out: Edit = |m| {
        let annotations = json!({
            BASE_NAME: m["metadata"]["annotations"][BASE_NAME],
            "base.koupleless.io/version": "1.0.0",
        });
        let app = template(m)["metadata"]["labels"]["app"].clone();
        let template = template(m);
        template["metadata"]["annotations"][INJECT] = json!("false");
        template["metadata"]["labels"][COMPONENT] = json!("module");
        template["spec"]["affinity"] = required(&annotations);
        template["spec"]["affinity"]["podAntiAffinity"] = apart(&app);
        template["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    };
    let mistake: [Edit; 2] = [opted_out, another_template];
    corpus.update("not-kept-apart", "meeting-opted-in", MEET, mistake, "1.0.0", |refusal, m| {
        remove_annotation(m, refusal.word_after("remove annotation ")?)?;
        frees(refusal, m)
    });
    corpus.update("not-kept-apart", "meeting-new-version", MEET, mistake, "2.0.0", new_version);

    const BESIDE: &str = "with maxSurge each base gets a new Pod";
    let mends: [(&'static str, &'static str, Mend); 2] =
        [("surge-none", "1.0.0", no_surge), ("surge-new-version", "2.0.0", new_version)];
    for (module, ends, mend) in mends {
        let surge = json!({"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}});
        let given = Module::new(module, "1.0.0", corpus.base).workload("DaemonSet", surge);
        let broken = edited(given.clone(), another_template);
        let way_out = mended(broken.clone(), mend);
        let case = Case::new("surging-daemon-set", module, BESIDE, Step::Apply(broken), way_out);
        corpus.cases.push(case.given(given, ends));
    }
}

fn no_surge(refusal: &Refusal, m: &mut Value) -> Result<()> {
    refusal.says("set maxSurge to 0 and maxUnavailable to 1")?;
    m["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    Ok(())
}
