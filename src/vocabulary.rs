//! Every label, annotation, taint and environment key that warden reads or writes, in all its dialects.
//!
//! Nobody else in the crate spells one. The facts come from ModuleController up to v2.2.0 and virtual-kubelet up to
//! v0.3.11, which since V2.0 read the current spelling only; older spellings still stand in the official tutorials.

/// A key that has been spelled differently over the years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialects {
    /// What ModuleController reads today.
    pub current: &'static str,
    /// What it read once, and what manifests from the tutorials still carry.
    pub older: &'static str,
}

/// What a Pod (`module`), a Deployment (`module-deployment`) or a Node (`vnode`) is to Koupleless.
pub const COMPONENT: Dialects =
    Dialects { current: "virtual-kubelet.koupleless.io/component", older: "module-controller.koupleless.io/component" };
/// The value of [`COMPONENT`] on the Pods of modules.
pub const COMPONENT_MODULE: &str = "module";
/// The value of [`COMPONENT`] on Deployments of modules.
pub const COMPONENT_MODULE_DEPLOYMENT: &str = "module-deployment";

/// How a Deployment's replicas are chosen; the only value is [`STRATEGY_PEER`].
pub const STRATEGY: Dialects =
    Dialects { current: "virtual-kubelet.koupleless.io/strategy", older: "module-controller.koupleless.io/strategy" };
/// The value of [`STRATEGY`] by which every matching base carries the module.
pub const STRATEGY_PEER: &str = "peer";

/// `"true"` on a peer Deployment: nobody keeps its replicas in step with the bases. The name reads inverted.
pub const REPLICAS_CONTROL: Dialects = Dialects {
    current: "virtual-kubelet.koupleless.io/replicas-control",
    older: "module-controller.koupleless.io/replicas-control",
};

/// The environment of a base (on its Node) or of a module (on its Deployment).
pub const ENV: &str = "virtual-kubelet.koupleless.io/env";
/// The environment that ModuleController itself assumes when nobody says one.
pub const ENV_DEFAULT: &str = "dev";

/// The name of a module on its Pods. ModuleController never reads it; selectors and anti-affinity do.
pub const MODULE_NAME: &str = "module.koupleless.io/name";
/// The version of a module on its Pods. ModuleController never reads it; selectors and anti-affinity do.
pub const MODULE_VERSION: &str = "module.koupleless.io/version";

/// The prefix of the keys by which a Node says which base it is.
const BASE_PREFIX: &str = "base.koupleless.io/";
/// The prefix by which Nodes said so once; no vnode carries it any more.
const BASE_PREFIX_OLDER: &str = "vnode.koupleless.io/";
/// The name of a base.
pub const BASE_NAME: &str = "base.koupleless.io/name";
/// The version of a base.
pub const BASE_VERSION: &str = "base.koupleless.io/version";
/// The cluster of bases that a base belongs to (no Kubernetes cluster).
pub const BASE_CLUSTER_NAME: &str = "base.koupleless.io/cluster-name";
/// The host name of a base.
const BASE_HOST_NAME: &str = "base.koupleless.io/host-name";
/// The port of a base's own HTTP API.
const BASE_TUNNEL_PORT: &str = "base.koupleless.io/tunnel-port";
/// The keys by which a module is told its bases from the outside, in the order in which they are injected.
pub const BASE_SELECTION: [&str; 3] = [BASE_NAME, BASE_VERSION, BASE_CLUSTER_NAME];
/// All keys with [`BASE_PREFIX`] that a vnode carries.
const BASE_ON_VNODE: [&str; 5] = [BASE_NAME, BASE_VERSION, BASE_CLUSTER_NAME, BASE_HOST_NAME, BASE_TUNNEL_PORT];

/// The taint of every vnode; its effect is [`NO_EXECUTE`].
pub const TAINT_VIRTUAL_NODE: &str = "schedule.koupleless.io/virtual-node";
/// The value of [`TAINT_VIRTUAL_NODE`], with its capital T.
pub const TAINT_VIRTUAL_NODE_VALUE: &str = "True";
/// The taint of every vnode that carries the base's environment; its effect is [`NO_EXECUTE`].
pub const TAINT_NODE_ENV: &str = "schedule.koupleless.io/node-env";
/// Kubernetes' taint of a Node whose kubelet reports that it is not ready.
pub const TAINT_NOT_READY: &str = "node.kubernetes.io/not-ready";
/// Kubernetes' taint of a Node whose lease has run out. For a vnode: ModuleController is down, the base may well serve.
pub const TAINT_UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// Kubernetes' taint of a Node that is cordoned.
pub const TAINT_UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// The taint effect that evicts.
pub const NO_EXECUTE: &str = "NoExecute";
/// The taint effect that keeps new Pods off, and lets those be that are there.
pub const NO_SCHEDULE: &str = "NoSchedule";
/// The seconds after which the in-tree admission plugin DefaultTolerationSeconds lets a Pod be evicted, unless the API
/// server's flags say otherwise.
pub const DEFAULT_TOLERATION_SECONDS: i64 = 300;

/// Kubernetes' host name label, the only topology in which vnodes differ.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// Label prefixes of ordinary nodes that no vnode carries.
const NOT_ON_VNODES: [&str; 6] = [
    "topology.kubernetes.io/",
    "failure-domain.beta.kubernetes.io/",
    "node.kubernetes.io/",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    BASE_PREFIX_OLDER,
];

/// The environment variable whose literal value is the version of the module (ModuleController reads the first of that name).
pub const BIZ_VERSION: &str = "BIZ_VERSION";
/// What an image must contain for ModuleController to count its container as a module.
pub const JAR: &str = ".jar";
/// The end of a version that may be built again and again.
pub const SNAPSHOT: &str = "-SNAPSHOT";

/// The end of the prefix of every key of Koupleless' and of warden's.
pub const KOUPLELESS_DOMAIN: &str = "koupleless.io/";
/// The prefix of warden's own annotations.
pub const WARDEN_PREFIX: &str = "warden.koupleless.io/";
/// `"false"`: warden changes nothing on this object, and still checks it.
pub const INJECT: &str = "warden.koupleless.io/inject";
/// `"true"`: a new jar may be released under the version of the old one, where that can work at all.
pub const ALLOW_SAME_VERSION: &str = "warden.koupleless.io/allow-same-version";
/// `"true"` on a template or Pod: tolerations of not-ready and unreachable are the user's own, not the in-tree default.
pub const OWN_TOLERATIONS: &str = "warden.koupleless.io/own-tolerations";
/// `"true"` on a peer Deployment: its replicas are left to the user for now.
pub const PEER_PAUSED: &str = "warden.koupleless.io/peer-paused";
/// On a peer Deployment: the workload whose ready replicas its own follow, for bases that are no vnodes. `Deployment/NAME`
/// or `StatefulSet/NAME`, with `NAMESPACE/` before it where that is another.
pub const FOLLOW: &str = "warden.koupleless.io/follow";
/// The prefix of all annotations in which warden's controllers keep their state. Only warden writes them, so the webhooks are
/// not called for them.
pub const STATE_PREFIX: &str = "state.warden.koupleless.io/";
/// Written by warden on a peer Deployment: what its controller needs to know after a restart, and a message, as JSON.
pub const PEER_STATE: &str = "state.warden.koupleless.io/peer";
/// Written by warden on a Pod whose base has departed, beside [`POD_DELETION_COST`]: the name of that base's Node.
pub const DEPARTED: &str = "state.warden.koupleless.io/departed-base";
/// [`PEER_STATE`] as builds before the release of 0.1.0 wrote it, a sentence. warden reads it where the other one is missing, so
/// that an upgrade forgets no mass loss that is held, and removes it with its next write. 0.2 need not know it.
pub const PEER_STATE_OLDER: &str = "warden.koupleless.io/peer";
/// [`DEPARTED`] as those builds spelled it. warden reads and removes both, so that an upgrade forgets no Pod of a departed base.
/// 0.2 need not know it.
pub const DEPARTED_OLDER: &str = "warden.koupleless.io/departed-base";
/// By this a ReplicaSet that is scaled down chooses the Pod that goes first: the lowest number.
pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// The lowest [`POD_DELETION_COST`] there is.
pub const POD_DELETION_COST_LOWEST: &str = "-2147483648";
/// On the Pods of a Deployment: the suffix of their ReplicaSet's name.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// warden's annotations that are switches: `"true"` or `"false"`.
pub const SWITCHES: [&str; 4] = [INJECT, ALLOW_SAME_VERSION, OWN_TOLERATIONS, PEER_PAUSED];
/// On the Secret with warden's certificates: `"leaf"` or `"authority"` is to be made anew now. warden takes it away.
pub const ROTATE: &str = "warden.koupleless.io/rotate";
/// Written by warden on the same Secret: when it took in authorities that it had not made, in whose name others may go on to
/// serve for a while.
pub const ADOPTED: &str = "warden.koupleless.io/adopted";
/// The field manager of all that warden writes.
pub const FIELD_MANAGER: &str = "warden";

/// Where `kubectl apply` keeps the manifest as the user wrote it.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether `key` is a label that ordinary nodes or bases of old carried, and no vnode does.
pub fn no_vnode_carries(key: &str) -> bool {
    NOT_ON_VNODES.iter().any(|prefix| key.starts_with(prefix))
        || (key.starts_with(BASE_PREFIX) && !BASE_ON_VNODE.contains(&key))
}

impl Dialects {
    /// Both spellings, the current one first.
    pub fn all(self) -> [&'static str; 2] {
        [self.current, self.older]
    }
}
