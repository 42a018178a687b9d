//! The programs of a control plane and their command lines.

use std::path::PathBuf;

use anyhow::Result;

use crate::binaries::Binaries;
use crate::certificates::{self, Authority, KeyAndCertificate};
use crate::nodes::HEARTBEAT_LABEL;
use crate::options::Options;
use crate::{audit, kubeconfig, ports};

/// A program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// KWOK, in the place of kubelets and of ModuleController.
    Kwok,
}

impl Component {
    /// All of them, each after those it needs.
    pub const ALL: [Self; 5] = [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Kwok];

    /// The name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }
}

/// The kubelet's own lease duration, renewed every quarter of it.
const LEASE_SECONDS: u64 = 40;

/// The stages that KWOK plays; it has none of its own.
const KWOK_STAGES: [&str; 7] = [
    include_str!("../kwok/node-ready.yaml"),
    include_str!("../kwok/node-heartbeat.yaml"),
    include_str!("../kwok/pod-ready.yaml"),
    include_str!("../kwok/pod-ready-slow.yaml"),
    include_str!("../kwok/pod-complete.yaml"),
    include_str!("../kwok/pod-delete.yaml"),
    include_str!("../kwok/pod-delete-ordinary.yaml"),
];

/// Ports, keys and files of one control plane: all that the command lines refer to.
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
    etcd_port: u16,
    etcd_peer_port: u16,
    api_server_port: u16,
    controller_manager_port: u16,
    scheduler_port: u16,
    kwok_port: u16,
    serving: KeyAndCertificate,
    service_accounts: KeyAndCertificate,
}

impl Layout {
    /// Chooses free ports and writes certificates and kubeconfigs into `dir`.
    pub(crate) fn prepare(dir: PathBuf) -> Result<Self> {
        let authority = Authority::new("testbed authority")?;
        certificates::write(&dir.join("ca.crt"), &authority.pem())?;
        let hosts =
            ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.0.0.1"];
        let layout = Self {
            etcd_port: ports::free()?,
            etcd_peer_port: ports::free()?,
            api_server_port: ports::free()?,
            controller_manager_port: ports::free()?,
            scheduler_port: ports::free()?,
            kwok_port: ports::free()?,
            serving: authority.serving(&dir, "serving", &hosts)?,
            service_accounts: certificates::service_account_keys(&dir)?,
            dir,
        };
        for (name, user, group) in [
            ("admin", "testbed-admin", Some("system:masters")),
            ("kwok", "kwok", Some("system:masters")),
            ("kube-controller-manager", "system:kube-controller-manager", None),
            ("kube-scheduler", "system:kube-scheduler", None),
        ] {
            let client = authority.client(&layout.dir, name, user, group)?;
            kubeconfig::for_certificate(&layout.kubeconfig(name), &layout.server(), &layout.ca(), &client)?;
        }
        certificates::write(&layout.kwok_config(), &KWOK_STAGES.join("---\n"))?;
        certificates::write(&layout.audit_policy(), audit::POLICY)?;
        Ok(layout)
    }

    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_server_port)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    pub(crate) fn kubeconfig(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.kubeconfig"))
    }

    pub(crate) fn log(&self, component: Component) -> PathBuf {
        self.dir.join(format!("{}.log", component.name()))
    }

    fn kwok_config(&self) -> PathBuf {
        self.dir.join("kwok.yaml")
    }

    fn audit_policy(&self) -> PathBuf {
        self.dir.join("audit-policy.yaml")
    }

    pub(crate) fn audit_log(&self) -> PathBuf {
        self.dir.join("audit.log")
    }

    /// Answers 200 when the component is ready for those after it.
    pub(crate) fn health_url(&self, component: Component) -> String {
        match component {
            Component::Etcd => format!("http://127.0.0.1:{}/health", self.etcd_port),
            Component::ApiServer => format!("{}/readyz", self.server()),
            Component::ControllerManager => format!("https://127.0.0.1:{}/healthz", self.controller_manager_port),
            Component::Scheduler => format!("https://127.0.0.1:{}/readyz", self.scheduler_port),
            Component::Kwok => format!("http://127.0.0.1:{}/healthz", self.kwok_port),
        }
    }

    /// Variables for the component. The API server's heap may grow fivefold between two collections of garbage, which are a
    /// sixth of the CPU time of its start, but not beyond half a gibibyte without more of them.
    pub(crate) fn env(component: Component) -> &'static [(&'static str, &'static str)] {
        match component {
            Component::ApiServer => &[("GOGC", "400"), ("GOMEMLIMIT", "2GiB")],
            _ => &[],
        }
    }

    /// The program and its arguments.
    pub(crate) fn command(
        &self,
        component: Component,
        binaries: &Binaries,
        options: &Options,
    ) -> (PathBuf, Vec<String>) {
        match component {
            Component::Etcd => (binaries.etcd().to_owned(), self.etcd()),
            Component::ApiServer => (binaries.api_server().to_owned(), self.api_server(options)),
            Component::ControllerManager => {
                (binaries.controller_manager().to_owned(), self.controller_manager(options))
            }
            Component::Scheduler => (binaries.scheduler().to_owned(), self.scheduler()),
            Component::Kwok => (binaries.kwok().to_owned(), self.kwok(options)),
        }
    }

    fn etcd(&self) -> Vec<String> {
        let client = format!("http://127.0.0.1:{}", self.etcd_port);
        let peer = format!("http://127.0.0.1:{}", self.etcd_peer_port);
        vec![
            format!("--data-dir={}", self.dir.join("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // The data dies with the test: no need to see it safe on a disk.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ]
    }

    fn api_server(&self, options: &Options) -> Vec<String> {
        let mut args = vec![
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.api_server_port),
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            format!("--tls-cert-file={}", self.serving.certificate.display()),
            format!("--tls-private-key-file={}", self.serving.key.display()),
            format!("--client-ca-file={}", self.ca().display()),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.service_accounts.certificate.display()),
            format!("--service-account-signing-key-file={}", self.service_accounts.key.display()),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            // A loopback address is not allowed in the endpoints of the Service `kubernetes`. No test needs that Service.
            "--endpoint-reconciler-type=none".to_owned(),
        ];
        if options.audits_writes {
            args.push(format!("--audit-policy-file={}", self.audit_policy().display()));
            args.push(format!("--audit-log-path={}", self.audit_log().display()));
        }
        args.extend(options.api_server_args.iter().cloned());
        args
    }

    fn controller_manager(&self, options: &Options) -> Vec<String> {
        let kubeconfig = self.kubeconfig("kube-controller-manager").display().to_string();
        let mut args = self.controller_common(&kubeconfig, self.controller_manager_port);
        args.extend([
            "--use-service-account-credentials".to_owned(),
            format!("--service-account-private-key-file={}", self.service_accounts.key.display()),
            format!("--root-ca-file={}", self.ca().display()),
        ]);
        if let Some(period) = options.node_monitor_grace_period {
            args.push(format!("--node-monitor-grace-period={}s", period.as_secs()));
            args.push("--node-monitor-period=1s".to_owned());
        }
        args.extend(options.controller_manager_args.iter().cloned());
        args
    }

    fn scheduler(&self) -> Vec<String> {
        let kubeconfig = self.kubeconfig("kube-scheduler").display().to_string();
        self.controller_common(&kubeconfig, self.scheduler_port)
    }

    fn controller_common(&self, kubeconfig: &str, port: u16) -> Vec<String> {
        vec![
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={}", self.serving.certificate.display()),
            format!("--tls-private-key-file={}", self.serving.key.display()),
            "--leader-elect=false".to_owned(),
            // The default of 20 requests a second would be the slowest part of every test with many bases.
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ]
    }

    fn kwok(&self, options: &Options) -> Vec<String> {
        // Renewed every quarter of the duration, and a grace period must outlast some renewals that come late.
        let lease =
            options.node_monitor_grace_period.map_or(LEASE_SECONDS, |period| period.as_secs().clamp(4, LEASE_SECONDS));
        vec![
            format!("--kubeconfig={}", self.kubeconfig("kwok").display()),
            format!("--config={}", self.kwok_config().display()),
            format!("--manage-nodes-with-label-selector={HEARTBEAT_LABEL}=kwok"),
            format!("--node-lease-duration-seconds={lease}"),
            format!("--server-address=127.0.0.1:{}", self.kwok_port),
        ]
    }
}
