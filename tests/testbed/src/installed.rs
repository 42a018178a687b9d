//! A replica of an installed warden: what a kubelet would run.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, PodSpec, Secret, Volume};
use kube::Api;

use crate::process::Process;
use crate::{ControlPlane, WardenProcess, ports};

/// A volume laid out as files.
struct Mount {
    /// Where the container sees it.
    path: String,
    /// Where it is on this machine.
    dir: PathBuf,
}

impl ControlPlane {
    /// Starts `program` as a kubelet would start a Pod of this Deployment: with its arguments and variables, the ConfigMaps and
    /// Secrets it mounts as they are now, and a token of its service account. KWOK's Pods only look as if they ran; this
    /// process does their work. Returns when it is ready.
    ///
    /// Only addresses and folders differ from those in the Deployment: it listens at `listen`, and metrics are at a port of their own.
    pub async fn run_replica(
        &self,
        program: &Path,
        namespace: &str,
        deployment: &str,
        listen: SocketAddr,
    ) -> Result<WardenProcess> {
        let deployments: Api<Deployment> = Api::namespaced(self.client()?, namespace);
        let spec = deployments.get(deployment).await?.spec.context("no spec")?;
        let pod = spec.template.spec.context("no Pod")?;
        let account = pod.service_account_name.as_deref().context("no service account")?;
        let kubeconfig = self.kubeconfig_for_service_account(namespace, account).await?;
        let name = self.unique_name(deployment);
        let container = pod.containers.first().context("no container")?;
        let mounts = self.mount(namespace, &pod, container, &self.dir().join(&name)).await?;

        let ops = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let args = container.args.iter().flatten().map(|arg| argument(arg, listen, ops, &mounts)).collect::<Vec<_>>();
        let variables = container.env.iter().flatten();
        let variables: Vec<_> = variables.map(|variable| value(variable, &name, namespace)).collect::<Result<_>>()?;
        let mut env: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), Path::new(value))).collect();
        env.push(("KUBECONFIG", &kubeconfig));
        let log = self.dir().join(format!("{name}.log"));
        let process = Process::start(&name, program, &args, &env, log, self.watchdog())?;
        WardenProcess::when_ready(process, ops).await
    }

    /// Lays the container's volumes out below `dir`.
    async fn mount(&self, namespace: &str, pod: &PodSpec, container: &Container, dir: &Path) -> Result<Vec<Mount>> {
        let mut mounts = Vec::new();
        for mount in container.volume_mounts.iter().flatten() {
            let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name);
            let dir = dir.join(&mount.name);
            fs::create_dir_all(&dir)?;
            for (file, content) in self.files(namespace, volume.context("a mount without its volume")?).await? {
                fs::write(dir.join(file), content)?;
            }
            mounts.push(Mount { path: mount.mount_path.clone(), dir });
        }
        Ok(mounts)
    }

    async fn files(&self, namespace: &str, volume: &Volume) -> Result<Vec<(String, Vec<u8>)>> {
        let client = self.client()?;
        if let Some(source) = &volume.config_map {
            let map: ConfigMap = Api::namespaced(client, namespace).get(&source.name).await?;
            return Ok(map.data.into_iter().flatten().map(|(file, text)| (file, text.into_bytes())).collect());
        }
        if let Some(name) = volume.secret.as_ref().and_then(|source| source.secret_name.as_ref()) {
            let secret: Secret = Api::namespaced(client, namespace).get(name).await?;
            return Ok(secret.data.into_iter().flatten().map(|(file, bytes)| (file, bytes.0)).collect());
        }
        bail!("the volume {} is of a kind that the testbed cannot lay out as files", volume.name)
    }
}

/// An argument as it is for a process of this machine.
fn argument(arg: &str, listen: SocketAddr, ops: SocketAddr, mounts: &[Mount]) -> String {
    match arg.split_once('=') {
        Some(("--listen", _)) => format!("--listen={listen}"),
        Some(("--ops-listen", _)) => format!("--ops-listen={ops}"),
        Some((name, value)) => {
            let below = |mount: &Mount| Some(mount.dir.join(value.strip_prefix(&mount.path)?.strip_prefix('/')?));
            mounts.iter().find_map(below).map_or_else(|| arg.to_owned(), |path| format!("{name}={}", path.display()))
        }
        None => arg.to_owned(),
    }
}

/// A variable with its value, by the two fields that the downward API is asked for.
fn value(variable: &EnvVar, pod: &str, namespace: &str) -> Result<(String, String)> {
    let field = variable.value_from.as_ref().and_then(|source| source.field_ref.as_ref());
    let value = match (&variable.value, field.map(|field| field.field_path.as_str())) {
        (Some(value), _) => value,
        (None, Some("metadata.name")) => pod,
        (None, Some("metadata.namespace")) => namespace,
        (None, _) => bail!("the variable {} has a source that the testbed does not read", variable.name),
    };
    Ok((variable.name.clone(), value.to_owned()))
}
