//! promtool, which checks rules of Prometheus and tries them on series of one's own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

use crate::go_build::{cache_dir, say};

/// The package of Debian and its children that promtool is in.
const PACKAGE: &str = "prometheus";

/// Where promtool is: in the `PATH`, else in the cache, else out of Debian's package, which is unpacked there and not
/// installed (no root is needed, and no service is started).
pub fn promtool_program() -> Result<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(|| find().map_err(|error| format!("{error:#}"))).clone().map_err(|error| anyhow!(error))
}

fn find() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&path).map(|dir| dir.join("promtool")).find(|path| path.is_file()) {
        return Ok(found);
    }
    let dir = cache_dir()?.join("promtool-debian");
    let program = dir.join("promtool");
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(&dir)?;
    let lock = File::create(dir.join(".lock"))?;
    lock.lock()?;
    if !program.is_file() {
        unpack(&dir, &program).context(
            "the tests need promtool: put it into the PATH (it comes with Prometheus), or have apt-get and dpkg fetch it",
        )?;
    }
    Ok(program)
}

fn unpack(dir: &Path, program: &Path) -> Result<()> {
    say("fetching promtool from Debian's package prometheus (20 MB, once)…");
    // The lock is ours, and so is what a killed predecessor left here.
    let unfinished = dir.join(".unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    let download = || run(Command::new("apt-get").args(["download", PACKAGE]).current_dir(&unfinished));
    if download().is_err() {
        // A machine that is new, or old, knows no package that is still there.
        run(Command::new("apt-get").arg("update"))?;
        download()?;
    }
    let packages: Vec<PathBuf> = fs::read_dir(&unfinished)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let package = packages.iter().find(|path| path.extension().is_some_and(|end| end == "deb"));
    run(Command::new("dpkg").arg("-x").arg(package.context("apt-get downloaded nothing")?).arg(&unfinished))?;
    fs::rename(unfinished.join("usr/bin/promtool"), program)?;
    fs::remove_dir_all(&unfinished)?;
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
