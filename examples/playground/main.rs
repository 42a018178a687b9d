//! One command to a Kubernetes control plane with bases on it and warden in front:
//!
//! ```text
//! cargo run --example playground
//! ```
//!
//! It applies a few manifests, shows what was filled in and what was refused, and stays up until Ctrl-C. `-- --exit` ends it
//! after the tour, with an error if anything went otherwise than it should.

mod before;
mod peers;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use koupleless_warden::{cli, runtime};
use serde_json::{Value, json};
use similar::TextDiff;
use warden_testbed::ledger::{Ledger, Module};
use warden_testbed::{Base, Options, Stage, eventually};

/// The first argument that makes this program act as warden, so that the playground needs no second binary.
const AS_WARDEN: &str = "warden";

/// How many bases there are.
const BASES: usize = 3;

/// Long enough for anything a cluster does on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A stop of the tour.
struct Stop {
    file: &'static str,
    says: &'static str,
    goes: Outcome,
}

enum Outcome {
    /// It is admitted, and so many bases run its module.
    Runs { bases: usize, module: (&'static str, &'static str) },
    /// It is refused.
    Refused,
}

const TOUR: [Stop; 4] = [
    Stop {
        file: "tests/fixtures/tutorial.yaml",
        says: "The official tutorial's manifest, as it is. Without warden its Pods stay Pending for good.",
        goes: Outcome::Runs { bases: 1, module: ("biz1", "0.0.1") },
    },
    Stop {
        file: "examples/samples/plain.yaml",
        says: "A plain manifest: no tolerations, no affinity, just the base in two annotations.",
        goes: Outcome::Runs { bases: 3, module: ("biz2", "1.0.0") },
    },
    Stop { file: "examples/samples/broken.yaml", says: "Four mistakes in one manifest.", goes: Outcome::Refused },
    Stop {
        file: "examples/samples/rebuilt.yaml",
        says: "Another jar under the same BIZ_VERSION. Without warden: every Pod Ready, every base empty.",
        goes: Outcome::Refused,
    },
];

fn main() -> ExitCode {
    runtime::install_crypto_provider();
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == AS_WARDEN) {
        return cli::run(arguments);
    }
    let exit = match arguments.as_slice() {
        [] => false,
        [flag] if flag == "--exit" => true,
        other => {
            eprintln!("playground: {other:?} is not understood; it takes nothing, or --exit");
            return ExitCode::from(2);
        }
    };
    let played = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(play(exit)));
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("playground: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play(exit: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("Starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK ...");
    let mut stage = Stage::raise(Options::new(), &env::current_exe()?, &[AS_WARDEN], root).await?;
    for number in 1..=BASES {
        stage.plane.add_base(Base::new(format!("10.0.0.{number}"))).await?;
    }
    println!("Three bases named base, version 1.0.0, cluster default, environment dev:\n");
    println!(
        "{}",
        kubectl(&stage, &["get", "nodes", "-L", "base.koupleless.io/name,base.koupleless.io/version"]).await?
    );

    let mut without_warden = Vec::new();
    for stop in &TOUR {
        without_warden.push(dry_run(&stage, root, stop).await?);
    }
    before::apply(&stage, root).await?;
    stage.serve(&[]).await?;
    heading("warden is installed");
    println!("warden serves, and its webhooks are registered.");
    for (stop, before) in TOUR.iter().zip(without_warden) {
        visit(&stage, root, stop, &before).await?;
    }

    before::visit(&stage, root, BASES).await?;
    peers::visit(&stage, root, BASES).await?;

    heading("What the bases run now");
    stage.plane.ledger().catch_up(LONG).await?;
    println!("{}", stage.plane.ledger().now());
    if exit {
        return Ok(());
    }
    let kubectl = stage.plane.kubectl_path();
    println!("\nGo on with another terminal:\n");
    println!("  export KUBECONFIG={}", stage.plane.kubeconfig().display());
    println!("  alias kubectl={}", kubectl.display());
    println!("  kubectl edit deployment/plain   # another BIZ_VERSION and its jar, and it rolls");
    println!("  kubectl delete node vnode.10.0.0.2.dev   # a base leaves; to make one like it join:");
    println!(
        "  kubectl get node vnode.10.0.0.3.dev -o yaml | sed 's/10[.]0[.]0[.]3/10.0.0.9/g; /resourceVersion:/d; /uid:/d' \\"
    );
    println!("    | kubectl create -f -\n");
    println!("Ctrl-C ends everything and leaves nothing behind.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

async fn visit(stage: &Stage, root: &Path, stop: &Stop, before: &Value) -> Result<()> {
    heading(&format!("kubectl apply -f {}", stop.file));
    println!("{}\n", stop.says);
    let path = root.join(stop.file);
    let path = path.to_str().context("the path is not UTF-8")?;
    let output = stage.plane.kubectl(&["apply", "-f", path]).await?;
    print!("{}", indented(&output.stdout));
    println!("{}", indented(&output.stderr.replace(path, stop.file)));
    match (&stop.goes, output.success) {
        (Outcome::Refused, false) => Ok(()),
        (Outcome::Refused, true) => bail!("{} was admitted", stop.file),
        (Outcome::Runs { .. }, false) => bail!("{} was refused", stop.file),
        (Outcome::Runs { bases, module }, true) => {
            println!("What the cluster stores, against what it would store without warden:\n");
            let after: Value = serde_json::from_str(&kubectl(stage, &["get", "-f", path, "-o", "json"]).await?)?;
            println!("{}", indented(&difference(before, &after)?));
            println!("And its Pods, against the template:\n");
            println!("{}", indented(&completed(stage, &after).await?));
            let wanted = Module::new(module.0, module.1);
            let carriers = |ledger: &Ledger| ledger.bases().filter(|base| ledger.runs(base).contains(&wanted)).count();
            let what = format!("The ledger: {wanted} runs on {bases} of {BASES} bases");
            let ledger = stage.plane.ledger();
            ledger
                .wait_until(&what, LONG, |ledger| match carriers(ledger) {
                    count if count == *bases => Ok(()),
                    count => Err(format!("{count} do")),
                })
                .await?;
            println!("{what}.");
            Ok(())
        }
    }
}

/// What the API server would store of the manifest; asked while warden is not there yet.
async fn dry_run(stage: &Stage, root: &Path, stop: &Stop) -> Result<Value> {
    let path = root.join(stop.file);
    let path = path.to_str().context("the path is not UTF-8")?;
    let shown = kubectl(stage, &["create", "-f", path, "--dry-run=server", "-o", "json"]).await?;
    Ok(serde_json::from_str(&shown)?)
}

async fn kubectl(stage: &Stage, args: &[&str]) -> Result<String> {
    stage.plane.kubectl(args).await?.expect_success()
}

/// The lines by which a Pod of the Deployment differs from its template in what warden fills in.
async fn completed(stage: &Stage, deployment: &Value) -> Result<String> {
    let name = deployment["metadata"]["name"].as_str().context("a Deployment without a name")?;
    let pod = eventually("it has a Pod", LONG, async || {
        let pods = kubectl(stage, &["get", "pods", "-o", "json"]).await.map_err(|error| error.to_string())?;
        let pods: Value = serde_json::from_str(&pods).map_err(|error| error.to_string())?;
        let is_its = |pod: &&Value| {
            let prefix = format!("{name}-");
            pod["metadata"]["generateName"].as_str().is_some_and(|generated| generated.starts_with(&prefix))
        };
        pods["items"].as_array().into_iter().flatten().find(is_its).cloned().ok_or_else(|| "it has none".to_owned())
    })
    .await?;
    let of = |object: &Value| {
        let mut labels = object["metadata"]["labels"].clone();
        labels.as_object_mut().map(|labels| labels.remove("pod-template-hash"));
        let fields = object["spec"].as_object().into_iter().flatten();
        let filled_in = fields.filter(|(field, _)| ["affinity", "tolerations"].contains(&field.as_str()));
        json!({"metadata": {"labels": labels}, "spec": filled_in.collect::<BTreeMap<_, _>>()})
    };
    difference(&of(&deployment["spec"]["template"]), &of(&pod))
}

/// Waits until so many bases run this module, and says so.
async fn runs_on(stage: &Stage, module: &Module, bases: usize) -> Result<String> {
    let what = format!("The ledger: {module} runs on {bases} bases");
    let ledger = stage.plane.ledger();
    ledger
        .wait_until(&what, LONG, |ledger| {
            match ledger.bases().filter(|base| ledger.runs(base).contains(module)).count() {
                count if count == bases => Ok(()),
                count => Err(format!("{count} do")),
            }
        })
        .await?;
    Ok(what)
}

/// The lines by which the two objects differ in what a manifest says: labels and spec.
fn difference(before: &Value, after: &Value) -> Result<String> {
    let said = |object: &Value| {
        let labels = object["metadata"].get("labels").cloned().unwrap_or_else(|| json!({}));
        serde_saphyr::to_string(&json!({"metadata": {"labels": labels}, "spec": object["spec"]}))
    };
    let (before, after) = (said(before)?, said(after)?);
    let diff = TextDiff::from_lines(&before, &after).unified_diff().context_radius(2).to_string();
    // The reader does not see the whole text, so line numbers would tell nothing.
    Ok(diff.lines().map(|line| if line.starts_with("@@") { "..." } else { line }).collect::<Vec<_>>().join("\n"))
}

fn heading(text: &str) {
    println!("\n== {text}\n");
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    {line}\n")).collect()
}
