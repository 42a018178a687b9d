//! Whether `fit` and the real DaemonSet controller agree: for random templates, on nodes in all kinds of states, as many
//! nodes fit as `status.desiredNumberScheduled` of a DaemonSet with that template says.

mod arena;
mod templates;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1;
use koupleless_warden::fit::{Demand, Fit, Node, NodeTaint};
use koupleless_warden::module::{Kind, Workload};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use warden_testbed::{Base, eventually};

use self::arena::Arena;
use self::arena::Change::{self, Back, Condition, Kubectl, Silent};
use self::templates::Templates;
use crate::scene::LONG;

/// Chooses the templates of a run that is to be seen again.
const SEED: &str = "FIT_DIFFERENTIAL_SEED";

/// How many templates are tried in a round; each is judged on two states of the nodes.
const TEMPLATES_A_ROUND: usize = 110;

/// How the nodes are before the first round.
const FIRST: &[Change] = &[
    Kubectl(&["taint", "node", "vnode.b1.dev", "dedicated=team-a:NoSchedule"]),
    Kubectl(&["taint", "node", "vnode.b2.dev", "dedicated=team-b:NoExecute"]),
    Kubectl(&["taint", "node", "vnode.b5.test", "maintenance:NoExecute"]),
    Kubectl(&["taint", "node", "vnode.b7.prod", "dedicated=team-a:PreferNoSchedule"]),
    Kubectl(&["taint", "node", "ordinary1", "dedicated=team-b:NoSchedule", "maintenance=now:NoExecute"]),
    Kubectl(&["cordon", "vnode.b3.dev"]),
    Condition("vnode.b8.dev", "NetworkUnavailable", "node.kubernetes.io/network-unavailable", true),
    Condition("vnode.b9.dev", "MemoryPressure", "node.kubernetes.io/memory-pressure", true),
    Silent("vnode.b10.prod"),
];

/// What happens to the nodes in each round, between its two comparisons.
const ROUNDS: [&[Change]; 3] = [
    &[
        Silent("vnode.b4.test"),
        Kubectl(&["cordon", "vnode.b0.dev"]),
        Kubectl(&["taint", "node", "vnode.b7.prod", "maintenance=now:NoSchedule"]),
        Kubectl(&["label", "node", "vnode.b1.dev", "level=10", "--overwrite"]),
    ],
    &[
        Back("vnode.b10.prod"),
        Kubectl(&["uncordon", "vnode.b3.dev"]),
        Kubectl(&["taint", "node", "vnode.b2.dev", "dedicated-"]),
        Kubectl(&["label", "node", "vnode.b3.dev", "base.koupleless.io/version=2.0.0", "--overwrite"]),
        Kubectl(&["label", "node", "vnode.b6.prod", "spare="]),
        Condition("vnode.b8.dev", "NetworkUnavailable", "node.kubernetes.io/network-unavailable", false),
    ],
    &[
        Silent("vnode.b3.dev"),
        Kubectl(&["cordon", "vnode.b4.test"]),
        Kubectl(&["delete", "node", "vnode.b11.dev"]),
        Kubectl(&["label", "node", "vnode.b0.dev", "level-"]),
        Kubectl(&["taint", "node", "vnode.b0.dev", "maintenance=now:NoExecute"]),
    ],
];

fn bases() -> Vec<Base> {
    let base = |number: usize, version: &str, cluster: &str, env: &str, labels: &[(&str, &str)]| {
        let base = Base::new(format!("b{number}")).version(version).cluster(cluster).env(env);
        labels.iter().fold(base, |base, &(key, value)| base.label(key, value))
    };
    vec![
        base(0, "1.0.0", "a", "dev", &[("level", "3")]),
        base(1, "1.0.0", "a", "dev", &[("level", "5"), ("spare", "")]),
        base(2, "1.0.0", "b", "dev", &[("level", "7")]),
        base(3, "1.1.0", "a", "dev", &[("level", "5")]),
        base(4, "1.1.0", "b", "test", &[("level", "10"), ("spare", "1")]),
        base(5, "1.1.0", "b", "test", &[("level", "high")]),
        base(6, "2.0.0", "a", "prod", &[]),
        base(7, "2.0.0", "b", "prod", &[("level", "7"), ("spare", "1")]),
        base(8, "1.0.0", "c", "dev", &[("level", "4")]),
        base(9, "1.0.0", "a", "dev", &[("level", "8")]),
        base(10, "1.1.0", "c", "prod", &[("level", "10")]),
        base(11, "2.0.0", "c", "dev", &[("level", "")]),
    ]
}

/// What was compared, to see that the comparison means something.
#[derive(Debug, Default)]
struct Tally {
    comparisons: usize,
    /// Where some nodes fit and others do not.
    mixed: usize,
    now: usize,
    not_now: usize,
    no: usize,
}

/// A template, and what the pods of a DaemonSet with it demand.
struct Case {
    spec: Value,
    demand: Demand,
}

/// Waits until the DaemonSets of all `cases` want as many nodes as fit.
async fn agree(what: &str, arena: &Arena, cases: &BTreeMap<String, Case>, tally: &mut Tally) -> Result<()> {
    let nodes = eventually(what, LONG, async || {
        let nodes = arena.nodes().await.map_err(|error| error.to_string())?;
        let nodes: Vec<Node> = nodes.iter().map(facts).collect();
        let daemon_sets = arena.daemon_sets().await.map_err(|error| error.to_string())?;
        let differs = |daemon_set: &DaemonSet| cases[&daemon_set.name_any()].difference(daemon_set, &nodes);
        let differences: Vec<String> = daemon_sets.iter().filter_map(differs).collect();
        match differences.first() {
            Some(first) => Err(format!("{} differ, the first:\n{first}\nthe nodes:\n{nodes:#?}", differences.len())),
            None if daemon_sets.len() < cases.len() => Err(format!("only {} DaemonSets", daemon_sets.len())),
            None => Ok(nodes),
        }
    })
    .await?;
    cases.values().for_each(|case| tally.count(&case.fits(&nodes)));
    Ok(())
}

impl Case {
    fn new(spec: Value) -> Self {
        Self { demand: demand(&spec), spec }
    }

    fn fits<'a>(&'a self, nodes: &'a [Node]) -> Vec<(&'a str, Fit<'a>)> {
        nodes.iter().map(|node| (node.name.as_str(), self.demand.judge(node))).collect()
    }

    /// What there is to say when the controller wants another number of nodes than fit, or has not said a number yet.
    fn difference(&self, daemon_set: &DaemonSet, nodes: &[Node]) -> Option<String> {
        let fits = self.fits(nodes);
        let count = fits.iter().filter(|(_, fit)| *fit == Fit::Now).count();
        let status = daemon_set.status.as_ref();
        let status = status.filter(|status| status.observed_generation == daemon_set.metadata.generation);
        let wanted = status.and_then(|status| usize::try_from(status.desired_number_scheduled).ok());
        (wanted != Some(count)).then(|| {
            let spec = &self.spec;
            let judged: Vec<String> = fits.iter().map(|(node, fit)| format!("{node} {fit}")).collect();
            format!("desiredNumberScheduled is {wanted:?}, and {count} nodes fit:\n{spec:#}\n{}", judged.join("\n"))
        })
    }
}

impl Tally {
    fn count(&mut self, fits: &[(&str, Fit<'_>)]) {
        let of = |ask: fn(&Fit<'_>) -> bool| fits.iter().filter(|(_, fit)| ask(fit)).count();
        let now = of(|fit| matches!(fit, Fit::Now));
        self.comparisons += 1;
        self.mixed += usize::from(now > 0 && now < fits.len());
        self.now += now;
        self.not_now += of(|fit| matches!(fit, Fit::NotNow(_)));
        self.no += of(|fit| matches!(fit, Fit::No(_)));
    }
}

fn daemon_set(name: &str, spec: &Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    })
}

/// What a DaemonSet's pods with this spec demand: its controller adds tolerations.
fn demand(spec: &Value) -> Demand {
    let mut daemon_set = daemon_set("any", spec);
    let mut added = vec![("not-ready", "NoExecute"), ("unreachable", "NoExecute")];
    added.extend(["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map(|key| (key, "NoSchedule")));
    if spec["hostNetwork"] == true {
        added.push(("network-unavailable", "NoSchedule"));
    }
    let tolerations = daemon_set["spec"]["template"]["spec"]["tolerations"].as_array_mut();
    let of =
        |(key, effect)| json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": effect});
    tolerations.expect("templates have a list of tolerations").extend(added.into_iter().map(of));
    Demand::of(&Workload::new(Kind::DaemonSet, &daemon_set).template())
}

/// The node by which `fit` judges.
fn facts(node: &v1::Node) -> Node {
    let spec = node.spec.as_ref();
    let taints = spec.and_then(|spec| spec.taints.clone()).unwrap_or_default().into_iter();
    let taint =
        |taint: v1::Taint| NodeTaint { key: taint.key, value: taint.value.unwrap_or_default(), effect: taint.effect };
    Node {
        name: node.name_any(),
        labels: node.labels().clone(),
        taints: taints.map(taint).collect(),
        unschedulable: spec.and_then(|spec| spec.unschedulable).unwrap_or_default(),
        has_memory: true,
    }
}

fn seed() -> Result<u64> {
    match std::env::var(SEED) {
        Ok(seed) => seed.parse().with_context(|| format!("{SEED} is no number")),
        Err(_) => Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() & u128::from(u32::MAX))?),
    }
}

#[tokio::test]
async fn as_many_nodes_fit_as_the_daemon_set_controller_wants() -> Result<()> {
    let seed = seed()?;
    println!("{SEED}={seed}");
    // Given bases and ordinary nodes, some of them tainted, cordoned, short of something or silent
    let arena = Arena::build(bases(), &["ordinary0", "ordinary1"]).await?;
    arena.change(FIRST).await?;
    let names: Vec<String> = arena.nodes().await?.iter().map(kube::ResourceExt::name_any).collect();
    let mut templates = Templates::seeded(seed, &names);
    let mut tally = Tally::default();
    for (round, changes) in ROUNDS.iter().enumerate() {
        // When DaemonSets of random templates are made
        let draw = |number| Ok((format!("r{round}-{number}"), Case::new(templates.draw()?)));
        let cases = (0..TEMPLATES_A_ROUND).map(draw).collect::<Result<BTreeMap<_, _>>>()?;
        arena.create(cases.iter().map(|(name, case)| daemon_set(name, &case.spec)).collect()).await?;
        // Then as many nodes fit as the controller wants
        agree(&format!("round {round} (seed {seed}): both agree"), &arena, &cases, &mut tally).await?;
        // And still when the nodes have changed
        arena.change(changes).await?;
        arena.renew(cases.keys()).await?;
        agree(&format!("round {round} (seed {seed}), nodes changed: both agree"), &arena, &cases, &mut tally).await?;
        arena.delete_all().await?;
    }
    // And that was no comparison of nothing with nothing
    println!("{tally:?}");
    let (all, mixed) = (tally.comparisons, tally.mixed);
    ensure!(all == 2 * ROUNDS.len() * TEMPLATES_A_ROUND && 3 * mixed > all && tally.not_now > 0, "{tally:?}");
    Ok(())
}
