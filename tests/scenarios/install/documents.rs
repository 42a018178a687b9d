//! The commands of README and docs that need a cluster, run as they stand, in an order in which an administrator may meet them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::documents::{Block, Page};
use warden_testbed::{ControlPlane, helm_program};

use super::{define_foreign_kinds, in_repository, plane};

/// The mark of a block that is run here.
const ON_A_CLUSTER: &str = "sh cluster";
/// The pages, and the headings under which such blocks are.
const ORDER: [(&str, &str); 14] = [
    // Before warden is installed: its Pods only look as if they ran here, and no process answers the webhooks' calls.
    ("docs/review.md", "Run it"),
    ("docs/review.md", "Ask a cluster"),
    ("docs/peers.md", "Mass loss"),
    ("docs/peers.md", "Read the state of a peer Deployment"),
    ("README.md", "Install"),
    ("docs/operations.md", "Uninstall"),
    ("docs/operations.md", "Install"),
    ("docs/operations.md", "Upgrade"),
    ("docs/configuration.md", "Set it in a cluster"),
    ("docs/operations.md", "Alerts"),
    ("docs/operations.md", "WardenWriteErrors"),
    ("docs/operations.md", "Certificates made by warden"),
    ("docs/operations.md", "Break-glass"),
    ("docs/operations.md", "Change from one to the other"),
];
/// What stands for names of the reader's own, and what it is here.
const PLACEHOLDERS: [(&str, &str); 2] = [("NAME", "peer"), ("NUMBER", "2")];
/// KWOK's Pods write no logs.
const LOGS: &str = " logs ";

/// Runs the commands of `block` in one shell, which ends at the first that fails. Gives their standard output.
fn run(plane: &ControlPlane, block: &Block<'_>) -> Result<String> {
    let lines = block.lines.iter().filter(|line| !line.contains(LOGS)).copied();
    let mut script = lines.collect::<Vec<_>>().join("\n");
    for (placeholder, value) in PLACEHOLDERS {
        script = script
            .replace(&format!(" {placeholder}"), &format!(" {value}"))
            .replace(&format!("={placeholder}"), &format!("={value}"));
    }
    let (kubectl, helm) = (plane.kubectl_path(), helm_program()?);
    let programs = [kubectl.as_path(), helm.as_path(), Path::new(env!("CARGO_BIN_EXE_warden"))];
    let folders = programs.into_iter().filter_map(Path::parent).map(|folder| folder.display().to_string());
    let path = folders.chain(std::env::var("PATH")).collect::<Vec<_>>().join(":");
    // A command that waits for what never comes must not hold up the other tests.
    let mut shell = Command::new("timeout");
    shell.args(["300", "sh", "-ec", &script]).current_dir(in_repository("")).stdin(Stdio::null());
    shell
        .env("PATH", path)
        .env("KUBECONFIG", plane.kubeconfig())
        .env("KUBECACHEDIR", plane.dir().join("kubectl-cache"));
    for (variable, folder) in [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
    {
        shell.env(variable, plane.dir().join("helm").join(folder));
    }
    let output = shell.output().context("cannot start a shell")?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "{script}\n{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    Ok(text(&output.stdout))
}

/// The example of a state annotation in the documentation.
fn documented_state() -> Result<String> {
    let page = Page::read(&in_repository(""), "docs/peers.md")?;
    let blocks = page.blocks();
    let example = blocks.iter().find(|block| block.example == Some("peer state")).context("no example of a state")?;
    Ok(example.lines.join(""))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_documentation_work_on_a_cluster() -> Result<()> {
    // Given a cluster with a peer Deployment, and on it the state that the documentation shows
    let plane = plane().await?;
    define_foreign_kinds(&plane).await?;
    let sample = in_repository("examples/samples/peer.yaml").display().to_string();
    plane.kubectl(&["apply", "-f", &sample]).await?.expect_success()?;
    let state = documented_state()?;
    let _: Value = serde_json::from_str(&state).context("the example is no JSON")?;
    let annotation = json!({"metadata": {"annotations": {"state.warden.koupleless.io/peer": state}}}).to_string();
    plane.kubectl(&["patch", "deployment/peer", "--type=merge", "-p", &annotation]).await?.expect_success()?;
    // When each block is run
    let mut blocks_run = 0;
    for (path, heading) in ORDER {
        let page = Page::read(&in_repository(""), path)?;
        for block in page.blocks().iter().filter(|block| block.heading == heading && block.info == ON_A_CLUSTER) {
            let printed =
                tokio::task::block_in_place(|| run(&plane, block)).with_context(|| format!("{path}: {heading}"))?;
            blocks_run += 1;
            // Then it works, and the state can be read as it is said
            ensure!(heading != "Read the state of a peer Deployment" || printed == state, "{printed}");
        }
    }
    // And none was left out
    let pages = [Page::all_in(&in_repository(""), "")?, Page::all_in(&in_repository(""), "docs")?].concat();
    let english = pages.iter().filter(|page| !page.path.ends_with(".zh.md"));
    let marked =
        english.map(|page| page.blocks().iter().filter(|block| block.info == ON_A_CLUSTER).count()).sum::<usize>();
    ensure!(blocks_run == marked && marked > 10, "{blocks_run} of {marked} blocks are in the order");
    Ok(())
}
