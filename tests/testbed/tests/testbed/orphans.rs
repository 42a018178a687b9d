//! Nothing is left behind by a test process that is killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, test_kill_process};
use warden_testbed::eventually;

/// The program that keeps a control plane, and what it told of it.
struct Keeper {
    child: Child,
    pids: Vec<Pid>,
    data: PathBuf,
}

fn keeper() -> Result<Keeper> {
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_warden-testbed")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut pids = Vec::new();
    let mut data = None;
    for line in BufReader::new(child.stdout.take().context("no standard output")?).lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("data", dir)) => data = Some(PathBuf::from(dir)),
            Some(("etcd" | "kwok", pid)) => pids.extend(Pid::from_raw(pid.parse()?)),
            Some((component, pid)) if component.starts_with("kube-") => pids.extend(Pid::from_raw(pid.parse()?)),
            _ if line.starts_with("ready") => break,
            _ => {}
        }
    }
    ensure!(pids.len() == 5, "the keeper told of {pids:?}");
    Ok(Keeper { child, pids, data: data.context("the keeper told of no data")? })
}

async fn nothing_is_left(pids: &[Pid], data: &Path) -> Result<()> {
    eventually("processes and data are gone", Duration::from_secs(20), async || {
        let left: Vec<_> = pids.iter().filter(|&&pid| test_kill_process(pid).is_ok() && !is_zombie(pid)).collect();
        match (left.is_empty(), data.exists()) {
            (true, false) => Ok(()),
            (_, has_data) => Err(format!("processes {left:?}, data: {has_data}")),
        }
    })
    .await
}

/// Ended and not reaped: the first process of a container may not reap orphans.
fn is_zombie(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && line.contains('Z'))
}

#[tokio::test]
async fn a_killed_test_process_leaves_nothing_behind() -> Result<()> {
    // Given a process that keeps a control plane
    let mut keeper = keeper()?;
    // When it is killed, with no chance to clean up
    keeper.child.kill()?;
    keeper.child.wait()?;
    // Then everything goes
    nothing_is_left(&keeper.pids, &keeper.data).await
}

#[tokio::test]
async fn a_test_process_that_ends_well_leaves_nothing_behind() -> Result<()> {
    // Given a process that keeps a control plane
    let mut keeper = keeper()?;
    // When it ends by itself
    drop(keeper.child.stdin.take());
    ensure!(keeper.child.wait()?.success());
    // Then everything is gone already
    ensure!(!keeper.data.exists());
    nothing_is_left(&keeper.pids, &keeper.data).await
}
