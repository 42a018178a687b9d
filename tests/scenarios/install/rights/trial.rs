//! A warden with an account, roles and objects of its own, beside which others can be tried.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow, ensure};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use warden_testbed::{ControlPlane, KubectlOutput, Objects, Proxy, WardenProcess, eventually, replica_address};

use super::grant::{Right, Roles, question};
use crate::scene::LONG;

/// On a Namespace: in the trial of which its workloads are reviewed.
pub(super) const REVIEWED_IN: &str = "testbed.koupleless.io/reviewed-in";

/// What is tried: its objects and its account are called `name`, and so is their Namespace. What it controls is in
/// another one, [`Self::workloads`], for controllers leave that of warden alone.
pub(super) struct Trial<'p> {
    pub(super) plane: &'p ControlPlane,
    pub(super) name: String,
    address: SocketAddr,
    warden: OnceLock<WardenProcess>,
    awaits: Mutex<String>,
}

impl<'p> Trial<'p> {
    /// Installs all that an installation has but for Pods, with these roles less a right. warden does not run yet.
    pub(super) async fn install(
        plane: &'p ControlPlane,
        name: String,
        roles: &Roles,
        less: Option<&Right>,
    ) -> Result<Self> {
        let address = replica_address()?;
        let trial = Self { plane, name, address, warden: OnceLock::new(), awaits: Mutex::default() };
        let roles = roles.of(&trial.name, less)?;
        let objects = [trial.installed(), roles.clone()].concat();
        trial.create(&objects).await?;
        for role in roles.iter().filter(|role| role["rules"].is_array()) {
            trial.is_in_force(role).await?;
        }
        Ok(trial)
    }

    /// The Namespace of what is controlled.
    pub(super) fn workloads(&self) -> String {
        format!("{}-workloads", self.name)
    }

    /// The names of the Leases: of who controls, and of who makes certificates.
    pub(super) fn leases(&self) -> [String; 2] {
        [self.name.clone(), format!("{}-tls", self.name)]
    }

    /// All that an installation has but for Pods and roles.
    fn installed(&self) -> Vec<Value> {
        let name = &self.name;
        let object = |version: &str, kind: &str, name: &str| {
            let metadata = json!({"namespace": self.name, "name": name});
            json!({"apiVersion": version, "kind": kind, "metadata": metadata})
        };
        let mut service = object("v1", "Service", name);
        service["spec"] = json!({"type": "ExternalName", "externalName": "localhost"});
        let configuration = |kind: &str, path: &str| {
            let service = json!({"namespace": name, "name": name, "port": self.address.port(), "path": path});
            json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name},
                "webhooks": [{
                    "name": "templates.warden.koupleless.io",
                    "clientConfig": {"service": service},
                    "rules": [{
                        "apiGroups": ["apps"], "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"], "resources": ["deployments", "statefulsets"],
                    }],
                    "namespaceSelector": {"matchLabels": {REVIEWED_IN: name}},
                    "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 3,
                }],
            })
        };
        let [controllers, certificates] = self.leases().map(|name| object("coordination.k8s.io/v1", "Lease", &name));
        vec![
            object("v1", "ServiceAccount", name),
            object("v1", "Secret", &format!("{name}-tls")),
            controllers,
            certificates,
            service,
            configuration("MutatingWebhookConfiguration", "/mutate"),
            configuration("ValidatingWebhookConfiguration", "/validate"),
        ]
    }

    /// Waits until a role counts: the API server learns of it, and of who has it, by watches.
    async fn is_in_force(&self, role: &Value) -> Result<()> {
        let user = format!("system:serviceaccount:{0}:{0}", self.name);
        let review = json!({"spec": {"user": user, "resourceAttributes": question(role)?}});
        let review: SubjectAccessReview = serde_json::from_value(review)?;
        let reviews: Api<SubjectAccessReview> = Api::all(self.plane.client()?);
        eventually("the role is in force", LONG, async || {
            let answer = reviews.create(&PostParams::default(), &review).await.map_err(|error| error.to_string())?;
            if answer.status.is_some_and(|status| status.allowed) { Ok(()) } else { Err(role.to_string()) }
        })
        .await
    }

    /// Starts warden.
    pub(super) async fn starts(&self, controllers: &str) -> Result<()> {
        let kubeconfig = self.plane.kubeconfig_for_service_account(&self.name, &self.name).await?;
        self.starts_by(&kubeconfig, controllers)
    }

    /// As [`Self::starts`], with its own requests by way of `proxy`.
    pub(super) async fn starts_through(&self, proxy: &Proxy) -> Result<()> {
        self.starts_by(&proxy.kubeconfig(self.plane, &self.name, &self.name).await?, "none")
    }

    fn starts_by(&self, kubeconfig: &Path, controllers: &str) -> Result<()> {
        let args = [
            format!("--listen={}", self.address),
            format!("--namespace={}", self.name),
            format!("--name={}", self.name),
            format!("--controllers={controllers}"),
            "--peer-window=1".to_owned(),
            "--peer-departure=1".to_owned(),
        ];
        let program = Path::new(env!("CARGO_BIN_EXE_warden"));
        let warden = WardenProcess::launch(self.plane, program, kubeconfig, &args)?;
        self.warden.set(warden).map_err(|_| anyhow!("{} was started before", self.name))
    }

    /// Waits until warden is ready.
    pub(super) async fn gets_ready(&self) -> Result<()> {
        let warden = self.warden.get().context("warden was not started")?;
        self.until("it is ready", async || warden.is_ready().await.map_err(|error| without(&format!("{error:#}"))))
            .await
    }

    /// Waits for what is called `what`, and remembers that.
    pub(super) async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Result<T, String>) -> Result<T> {
        eventually(what, LONG, async || {
            let answer = ask().await;
            if let Err(seen) = &answer {
                *self.awaits.lock().unwrap_or_else(PoisonError::into_inner) = format!("{what}: {seen}");
            }
            answer
        })
        .await
    }

    /// What it waits for, and what was seen instead, in a line.
    pub(super) fn awaits(&self) -> String {
        let awaits = self.awaits.lock().unwrap_or_else(PoisonError::into_inner);
        awaits.lines().next().unwrap_or_default().to_owned()
    }

    /// The rights that warden says in its log it does not have.
    pub(super) fn refused(&self) -> Result<BTreeSet<Right>> {
        let Some(warden) = self.warden.get() else { return Ok(BTreeSet::new()) };
        Ok(Right::refused_in(&fs::read_to_string(warden.process().log())?))
    }

    /// The end of warden's log, for a person to read.
    pub(super) fn log_tail(&self) -> String {
        self.warden.get().map(|warden| warden.process().log_tail()).unwrap_or_default()
    }

    /// `kubectl` in the Namespace of warden.
    pub(super) async fn kubectl(&self, args: &[&str]) -> Result<KubectlOutput> {
        self.plane.kubectl(&[&["-n", &self.name], args].concat()).await
    }

    /// `kubectl` in the Namespace of what is controlled.
    pub(super) async fn kubectl_of_workloads(&self, args: &[&str]) -> Result<KubectlOutput> {
        self.plane.kubectl(&[&["-n", &self.workloads()], args].concat()).await
    }

    /// `kubectl create` of these, in the Namespace of warden.
    pub(super) async fn create(&self, objects: &[Value]) -> Result<()> {
        self.create_in(&self.name, objects).await
    }

    /// `kubectl create` of these, in the Namespace of what is controlled, which it makes first.
    pub(super) async fn deploy(&self, objects: &[Value]) -> Result<()> {
        let workloads = self.workloads();
        self.create(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": workloads}})]).await?;
        self.create_in(&workloads, objects).await
    }

    async fn create_in(&self, namespace: &str, objects: &[Value]) -> Result<()> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        self.plane.kubectl_with_stdin(&["-n", namespace, "create", "-f", "-"], &list).await?.expect_success()?;
        Ok(())
    }

    /// Reads what is stored in the Namespace of warden.
    pub(super) fn objects(&self) -> Result<Objects> {
        self.plane.objects(&self.name)
    }

    /// Reads what is stored in the Namespace of what is controlled.
    pub(super) fn stored_workloads(&self) -> Result<Objects> {
        self.plane.objects(&self.workloads())
    }

    /// Ends warden, and takes away what others could stumble over.
    pub(super) async fn ends(mut self) -> Result<()> {
        drop(self.warden.take());
        let kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings";
        self.kubectl(&["delete", kinds, &self.name, "--ignore-not-found"]).await?.expect_success()?;
        let workloads = ["delete", "deployments,statefulsets", "--all", "--wait=false"];
        let output = self.kubectl_of_workloads(&workloads).await?;
        ensure!(output.success, "{}", output.stderr);
        Ok(())
    }
}

/// Which conditions a report of `/readyz` says do not hold; what else it says where it is no such report.
fn without(report: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c == '-';
    let missing = report.split("[-]").skip(1).filter_map(|rest| rest.split(|c| !is_of_name(c)).next());
    // The error says all of it more than once.
    let missing: BTreeSet<&str> = missing.collect();
    if missing.is_empty() { report.to_owned() } else { format!("without {}", Vec::from_iter(missing).join(", ")) }
}
