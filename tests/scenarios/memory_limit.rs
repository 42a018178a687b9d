//! A limit of warden's memory, under which it is tried with much.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use warden_testbed::{Options, Stage};

/// Less than the half of what the chart gives warden: so smaller objects show the same, and cost the API server less.
pub(crate) const MEMORY: usize = 96 << 20;

/// The largest memory that warden's process has had resident.
pub(crate) struct Peak {
    pub(crate) bytes: usize,
}

impl std::fmt::Display for Peak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at most {} MiB resident", self.bytes >> 20)
    }
}

/// The peak of the stage's warden so far.
pub(crate) fn peak(stage: &Stage) -> Result<Peak> {
    let status = fs::read_to_string(format!("/proc/{}/status", stage.warden()?.process().pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: usize = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(Peak { bytes: kib << 10 })
}

/// A limit of memory for one process: a memory cgroup of its own, or `RLIMIT_DATA` where none can be made.
pub(crate) struct MemoryLimit {
    cgroup: Option<PathBuf>,
}

/// Tests of one process have a cgroup each.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl MemoryLimit {
    pub(crate) fn new() -> Result<Self> {
        let name = format!("warden-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // Version 2, where the root hands out memory, and version 1.
        let places = [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")];
        for (parent, limit) in places {
            let cgroup = Path::new(parent).join(&name);
            if !Path::new(parent).join("cgroup.procs").exists() || fs::create_dir(&cgroup).is_err() {
                continue;
            }
            if fs::write(cgroup.join(limit), MEMORY.to_string()).is_ok() {
                println!("the limit is {limit} of a cgroup");
                return Ok(Self { cgroup: Some(cgroup) });
            }
            fs::remove_dir(&cgroup)?;
        }
        println!("the limit is RLIMIT_DATA");
        Ok(Self { cgroup: None })
    }

    /// A stage whose warden runs under the limit.
    pub(crate) async fn stage(&self) -> Result<Stage> {
        let enter = match &self.cgroup {
            Some(cgroup) => format!("echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"", cgroup.display()),
            None => format!("exec prlimit --data={MEMORY} \"$0\" \"$@\""),
        };
        let leading = ["-c", &enter, env!("CARGO_BIN_EXE_warden")];
        Stage::raise(Options::new(), Path::new("/bin/sh"), &leading, Path::new(env!("CARGO_MANIFEST_DIR"))).await
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        if let Some(cgroup) = &self.cgroup {
            // It fails where a process is still in it, after a test that has failed.
            let _ = fs::remove_dir(cgroup);
        }
    }
}
