//! Where the programs of a control plane come from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// The pinned sources, as Go modules in this crate's folder.
const SOURCES: [Source; 3] = [
    Source {
        name: "etcd",
        module: "go.etcd.io/etcd/server/v3",
        go_mod: include_str!("../go/etcd/go.mod"),
        go_sum: include_str!("../go/etcd/go.sum"),
        programs: &[("etcd", "go.etcd.io/etcd/server/v3")],
        duration: "half a minute",
    },
    Source {
        name: "kwok",
        module: "sigs.k8s.io/kwok",
        go_mod: include_str!("../go/kwok/go.mod"),
        go_sum: include_str!("../go/kwok/go.sum"),
        programs: &[("kwok", "sigs.k8s.io/kwok/cmd/kwok")],
        duration: "a minute",
    },
    Source {
        name: "kubernetes",
        module: "k8s.io/kubernetes",
        go_mod: include_str!("../go/kubernetes/go.mod"),
        go_sum: include_str!("../go/kubernetes/go.sum"),
        programs: &[
            ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
            ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
            ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
        ],
        duration: "5 minutes",
    },
];

struct Source {
    name: &'static str,
    /// The Go module whose version counts.
    module: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    /// File name and Go package.
    programs: &'static [(&'static str, &'static str)],
    /// How long the build takes on two cores, for the person who waits.
    duration: &'static str,
}

/// The programs of a control plane, each found in the folder `KUBEBUILDER_ASSETS` names (envtest's convention; envtest's own
/// folder has only some of them), else in the cache, else built into the cache by Go.
///
/// The cache is `$WARDEN_TESTBED_CACHE`, else `koupleless-warden` under `$XDG_CACHE_HOME` or `~/.cache`.
#[derive(Clone, Debug)]
pub struct Binaries {
    paths: BTreeMap<&'static str, PathBuf>,
}

impl Binaries {
    /// Finds all, and builds what is missing. May take minutes, once; tells so on stderr.
    pub fn find_or_build() -> Result<Self> {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let mut paths = BTreeMap::new();
        for source in &SOURCES {
            let mut missing = Vec::new();
            for &(name, package) in source.programs {
                match assets.as_ref().map(|dir| dir.join(name)).filter(|path| path.is_file()) {
                    Some(path) => drop(paths.insert(name, path)),
                    None => missing.push((name, package)),
                }
            }
            if !missing.is_empty() {
                let dir = cache_dir()?.join(format!("{}-{}", source.name, source.version()?));
                source.build_missing(&dir, &missing)?;
                paths.extend(missing.iter().map(|&(name, _)| (name, dir.join(name))));
            }
        }
        Ok(Self { paths })
    }

    /// etcd.
    pub fn etcd(&self) -> &Path {
        &self.paths["etcd"]
    }

    /// KWOK's controller.
    pub fn kwok(&self) -> &Path {
        &self.paths["kwok"]
    }

    /// kube-apiserver.
    pub fn api_server(&self) -> &Path {
        &self.paths["kube-apiserver"]
    }

    /// kube-controller-manager.
    pub fn controller_manager(&self) -> &Path {
        &self.paths["kube-controller-manager"]
    }

    /// kube-scheduler.
    pub fn scheduler(&self) -> &Path {
        &self.paths["kube-scheduler"]
    }

    /// kubectl.
    pub fn kubectl(&self) -> &Path {
        &self.paths["kubectl"]
    }
}

impl Source {
    /// The pinned version, read from where it is pinned.
    fn version(&self) -> Result<&'static str> {
        self.go_mod
            .lines()
            .map(|line| line.trim().trim_start_matches("require "))
            .find_map(|line| line.strip_prefix(self.module)?.strip_prefix(' ')?.split(' ').next())
            .ok_or_else(|| anyhow!("go/{}/go.mod pins no version of {}", self.name, self.module))
    }

    /// Builds those of `wanted` that `dir` lacks. Whoever comes second waits for the first, and finds the work done.
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
        // Renamed when complete, so that nobody ever runs half a file. The lock is ours, and so is what a killed
        // predecessor left here.
        let unfinished = dir.join(".unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let module = unfinished.join("module");
        fs::create_dir_all(&module)?;
        fs::write(module.join("go.mod"), self.go_mod)?;
        fs::write(module.join("go.sum"), self.go_sum)?;
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

/// Kubernetes learns its own version only from the linker; without it, it calls itself v0.0.0. Others ignore the flags.
fn link_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let set = "-X k8s.io/component-base/version";
    format!("-s -w {set}.gitVersion={version} {set}.gitMajor={major} {set}.gitMinor={minor}")
}

fn cache_dir() -> Result<PathBuf> {
    let from = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("WARDEN_TESTBED_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("koupleless-warden")))
        .or_else(|| from("HOME").map(|dir| dir.join(".cache/koupleless-warden")))
        .context("no cache folder: set WARDEN_TESTBED_CACHE")
}

/// Straight to stderr: the test harness holds back what is printed by macros until a test fails, and this is for the
/// person who waits.
fn say(text: &str) {
    // With no stderr there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "testbed: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_pins_its_version() -> Result<()> {
        for source in &SOURCES {
            assert!(source.version()?.starts_with('v'), "{}", source.name);
        }
        Ok(())
    }

    #[test]
    fn kubernetes_is_told_its_version() {
        let flags = link_flags("v1.36.3");
        assert!(flags.contains(".gitVersion=v1.36.3 "), "{flags}");
        assert!(flags.ends_with(".gitMinor=36"), "{flags}");
    }
}
