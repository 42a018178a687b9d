//! Builds pinned programs by Go into the cache, once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// Programs that one Go module in this crate's folder pins.
pub(crate) struct Source {
    pub(crate) name: &'static str,
    /// The Go module whose version counts.
    pub(crate) module: &'static str,
    pub(crate) go_mod: &'static str,
    pub(crate) go_sum: &'static str,
    /// The program itself, where it is ours; its package is `.` then.
    pub(crate) main_go: Option<&'static str>,
    /// File name and Go package.
    pub(crate) programs: &'static [(&'static str, &'static str)],
    /// How long the build takes on two cores, for the person who waits.
    pub(crate) duration: &'static str,
}

impl Source {
    /// Its programs: each from the folder `KUBEBUILDER_ASSETS` names, else from the cache, where it is built if need be.
    pub(crate) fn find_or_build(&self) -> Result<BTreeMap<&'static str, PathBuf>> {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let given = |name: &str| assets.as_ref().map(|dir| dir.join(name)).filter(|path| path.is_file());
        let missing: Vec<_> = self.programs.iter().filter(|(name, _)| given(name).is_none()).copied().collect();
        let own = self.main_go.map(|text| format!("-{:016x}", hash_of(text))).unwrap_or_default();
        let cache = cache_dir()?.join(format!("{}-{}{own}", self.name, self.version()?));
        self.build_missing(&cache, &missing)?;
        Ok(self.programs.iter().map(|&(name, _)| (name, given(name).unwrap_or_else(|| cache.join(name)))).collect())
    }

    /// The pinned version, read from where it is pinned.
    pub(crate) fn version(&self) -> Result<&'static str> {
        self.go_mod
            .lines()
            .map(|line| line.trim().trim_start_matches("require "))
            .find_map(|line| line.strip_prefix(self.module)?.strip_prefix(' ')?.split(' ').next())
            .ok_or_else(|| anyhow!("go/{}/go.mod pins no version of {}", self.name, self.module))
    }

    /// Builds those of `wanted` that `dir` lacks. A second process waits for the first one, and finds the programs built.
    fn build_missing(&self, dir: &Path, wanted: &[(&'static str, &'static str)]) -> Result<()> {
        let is_missing = |&&(name, _): &&(&'static str, &'static str)| !dir.join(name).is_file();
        if !wanted.iter().any(|program| is_missing(&program)) {
            return Ok(());
        }
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let lock = File::create(dir.join(".lock"))?;
        if lock.try_lock().is_err() {
            say(&format!("waiting for another process that builds {}", self.name));
            lock.lock()?;
        }
        let missing: Vec<_> = wanted.iter().filter(is_missing).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        // Renamed when complete, so that no process ever runs half a file. We hold the lock, so what lies here was left by a
        // process that was killed.
        let unfinished = dir.join(".unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let module = unfinished.join("module");
        fs::create_dir_all(&module)?;
        fs::write(module.join("go.mod"), self.go_mod)?;
        fs::write(module.join("go.sum"), self.go_sum)?;
        if let Some(main_go) = self.main_go {
            fs::write(module.join("main.go"), main_go)?;
        }
        let out = unfinished.join("bin");
        fs::create_dir_all(&out)?;
        for (name, packages) in self.builds(&missing) {
            self.build(&module, &out, name, &packages)?;
        }
        for (name, _) in missing {
            fs::rename(out.join(name), dir.join(name))?;
        }
        fs::remove_dir_all(&unfinished)?;
        Ok(())
    }

    /// What to pass as `-o`, and the packages. Go names a program after the last part of its package path: the
    /// programs of Kubernetes go by that and can share one call, etcd's package is called `server` and cannot.
    fn builds(&self, missing: &[(&'static str, &'static str)]) -> Vec<(Option<&'static str>, Vec<&'static str>)> {
        let goes_by_package = missing.iter().all(|(name, package)| package.rsplit('/').next() == Some(name));
        if goes_by_package {
            vec![(None, missing.iter().map(|&(_, package)| package).collect())]
        } else {
            missing.iter().map(|&(name, package)| (Some(name), vec![package])).collect()
        }
    }

    fn build(&self, module: &Path, out: &Path, name: Option<&str>, packages: &[&str]) -> Result<()> {
        let version = self.version()?;
        let what = packages.iter().filter_map(|package| package.rsplit('/').next()).collect::<Vec<_>>();
        let what = format!("{} {version}", name.map_or_else(|| what.join(", "), str::to_owned));
        say(&format!("building {what} with Go (about {} on two cores, once)…", self.duration));
        let mut command = Command::new("go");
        command
            .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", &link_flags(version), "-o"])
            // The slash makes Go take it for a folder.
            .arg(name.map_or_else(|| out.join(""), |name| out.join(name)))
            .args(packages)
            .current_dir(module)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .env("GOFLAGS", "")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| {
            anyhow!(
                "the tests need {what}: set KUBEBUILDER_ASSETS to a folder that has it, or install Go (https://go.dev) \
                 to have it built: {error}"
            )
        })?;
        let output = with_progress(&what, child)?;
        if !output.status.success() {
            bail!("Go could not build {what}:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

/// Waits for the end of a long build, and says twice a minute that it goes on.
fn with_progress(what: &str, child: std::process::Child) -> Result<std::process::Output> {
    let started = Instant::now();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while is_done.recv_timeout(Duration::from_secs(30)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                say(&format!("still building {what} ({} s)", started.elapsed().as_secs()));
            }
        });
        let output = child.wait_with_output();
        drop(done);
        Ok(output?)
    })
}

/// Another one for another text. Where it is the same by chance, an older program is run.
fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Kubernetes learns its own version only from the linker; without it, it calls itself v0.0.0. Others ignore the flags.
fn link_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let set = "-X k8s.io/component-base/version";
    format!("-s -w {set}.gitVersion={version} {set}.gitMajor={major} {set}.gitMinor={minor}")
}

/// The folder of all programs; see [`Binaries`](crate::Binaries).
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let from = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("WARDEN_TESTBED_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("koupleless-warden")))
        .or_else(|| from("HOME").map(|dir| dir.join(".cache/koupleless-warden")))
        .context("no cache folder: set WARDEN_TESTBED_CACHE")
}

/// Straight to stderr: the test harness holds back what is printed by macros until a test fails, and this is for the
/// person who waits.
pub(crate) fn say(text: &str) {
    // Without a stderr there is no reader.
    let _ = writeln!(std::io::stderr(), "testbed: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_is_told_its_version() {
        let flags = link_flags("v1.36.3");
        assert!(flags.contains(".gitVersion=v1.36.3 "), "{flags}");
        assert!(flags.ends_with(".gitMinor=36"), "{flags}");
    }
}
