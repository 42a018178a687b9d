//! Where the programs of a control plane come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::go_build::Source;

/// The pinned sources, as Go modules in this crate's folder.
const SOURCES: [Source; 3] = [
    Source {
        name: "etcd",
        module: "go.etcd.io/etcd/server/v3",
        go_mod: include_str!("../go/etcd/go.mod"),
        go_sum: include_str!("../go/etcd/go.sum"),
        main_go: None,
        programs: &[("etcd", "go.etcd.io/etcd/server/v3")],
        duration: "half a minute",
    },
    Source {
        name: "kwok",
        module: "sigs.k8s.io/kwok",
        go_mod: include_str!("../go/kwok/go.mod"),
        go_sum: include_str!("../go/kwok/go.sum"),
        main_go: None,
        programs: &[("kwok", "sigs.k8s.io/kwok/cmd/kwok")],
        duration: "a minute",
    },
    Source {
        name: "kubernetes",
        module: "k8s.io/kubernetes",
        go_mod: include_str!("../go/kubernetes/go.mod"),
        go_sum: include_str!("../go/kubernetes/go.sum"),
        main_go: None,
        programs: &[
            ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
            ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
            ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
        ],
        duration: "5 minutes",
    },
];

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
        let mut paths = BTreeMap::new();
        for source in &SOURCES {
            paths.extend(source.find_or_build()?);
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
}
