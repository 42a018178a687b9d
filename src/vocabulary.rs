//! Every label, annotation, taint and environment key that warden reads or writes, in all its dialects.
//!
//! No other file in `src/` spells one. The facts come from ModuleController up to v2.2.0 and virtual-kubelet up to
//! v0.3.11, which since V2.0 read the current spelling only. The official tutorials still have older spellings.

use std::fmt;

/// A key whose spelling changed in V2.0 of Koupleless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialects {
    /// The spelling that ModuleController reads today.
    pub current: &'static str,
    /// The spelling that it read before V2.0, and that manifests from the tutorials still have.
    pub older: &'static str,
}

/// The role of an object: Pod (`module`), Deployment (`module-deployment`) or Node (`vnode`).
pub const COMPONENT: Dialects =
    Dialects { current: "virtual-kubelet.koupleless.io/component", older: "module-controller.koupleless.io/component" };
/// The value of [`COMPONENT`] on the Pods of modules.
pub const COMPONENT_MODULE: &str = "module";
/// The value of [`COMPONENT`] on Deployments of modules.
pub const COMPONENT_MODULE_DEPLOYMENT: &str = "module-deployment";

/// How the replicas of a Deployment are set. The only value is [`STRATEGY_PEER`].
pub const STRATEGY: Dialects =
    Dialects { current: "virtual-kubelet.koupleless.io/strategy", older: "module-controller.koupleless.io/strategy" };
/// The value of [`STRATEGY`] with which every matching base runs the module.
pub const STRATEGY_PEER: &str = "peer";

/// `"true"` on a peer Deployment: its replicas do **not** follow the bases. The name says the opposite.
pub const REPLICAS_CONTROL: Dialects = Dialects {
    current: "virtual-kubelet.koupleless.io/replicas-control",
    older: "module-controller.koupleless.io/replicas-control",
};

/// The environment of a base (on its Node) or of a module (on its Deployment).
pub const ENV: &str = "virtual-kubelet.koupleless.io/env";
/// The environment that ModuleController assumes where none is set.
pub const ENV_DEFAULT: &str = "dev";

/// The name of a module on its Pods. ModuleController never reads it; selectors and anti-affinity do.
pub const MODULE_NAME: &str = "module.koupleless.io/name";
/// The version of a module on its Pods. ModuleController never reads it; selectors and anti-affinity do.
pub const MODULE_VERSION: &str = "module.koupleless.io/version";

/// The prefix of the labels of a module. The first design of ModuleController V2 had one label for each module,
/// `<prefix><name>: <version>`.
pub const MODULE_PREFIX: &str = "module.koupleless.io/";

/// The prefix of the Node labels that identify a base.
pub const BASE_PREFIX: &str = "base.koupleless.io/";
/// The prefix of these labels before V2.0. No vnode has it any more.
const BASE_PREFIX_OLDER: &str = "vnode.koupleless.io/";
/// The prefix of these labels in the first design of ModuleController V2, which no release reads.
pub const BASE_PREFIX_FIRST: &str = "basement.koupleless.io/";
/// The name of a base.
pub const BASE_NAME: &str = "base.koupleless.io/name";
/// The version of a base.
pub const BASE_VERSION: &str = "base.koupleless.io/version";
/// The cluster of bases that a base belongs to. It is not a Kubernetes cluster.
pub const BASE_CLUSTER_NAME: &str = "base.koupleless.io/cluster-name";
/// The host name of a base.
const BASE_HOST_NAME: &str = "base.koupleless.io/host-name";
/// The port of a base's own HTTP API.
const BASE_TUNNEL_PORT: &str = "base.koupleless.io/tunnel-port";
/// The keys with which a manifest declares the bases of a module, in the order in which warden fills them in.
pub const BASE_SELECTION: [&str; 3] = [BASE_NAME, BASE_VERSION, BASE_CLUSTER_NAME];
/// All keys with [`BASE_PREFIX`] that a vnode has.
const BASE_ON_VNODE: [&str; 5] = [BASE_NAME, BASE_VERSION, BASE_CLUSTER_NAME, BASE_HOST_NAME, BASE_TUNNEL_PORT];

/// The taint of every vnode; its effect is [`NO_EXECUTE`].
pub const TAINT_VIRTUAL_NODE: &str = "schedule.koupleless.io/virtual-node";
/// The value of [`TAINT_VIRTUAL_NODE`], with its capital T.
pub const TAINT_VIRTUAL_NODE_VALUE: &str = "True";
/// The taint of every vnode whose value is the environment of the base; its effect is [`NO_EXECUTE`].
pub const TAINT_NODE_ENV: &str = "schedule.koupleless.io/node-env";
/// Kubernetes' taint of a Node whose kubelet reports that it is not ready.
pub const TAINT_NOT_READY: &str = "node.kubernetes.io/not-ready";
/// Kubernetes' taint of a Node whose lease has expired. For a vnode this means that ModuleController is down; the base may
/// still serve.
pub const TAINT_UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// Kubernetes' taint of a Node that is cordoned.
pub const TAINT_UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// The taint effect that evicts.
pub const NO_EXECUTE: &str = "NoExecute";
/// The taint effect that keeps new Pods off and leaves running ones.
pub const NO_SCHEDULE: &str = "NoSchedule";
/// The `tolerationSeconds` that the in-tree admission plugin DefaultTolerationSeconds writes, unless flags of the API server
/// change it.
pub const DEFAULT_TOLERATION_SECONDS: i64 = 300;

/// The grace period of a Pod, in seconds, that the API server fills in where none is set.
pub const DEFAULT_GRACE_PERIOD: u64 = 30;

/// The grace period, in seconds, that docs/modules.md recommends where old Pods go first. With a shorter one, ModuleController 2.2.0
/// was seen to crash.
pub const SHORT_GRACE_PERIOD: u64 = 5;

/// Kubernetes' host name label, the only topology in which vnodes differ.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// Label prefixes of ordinary nodes that no vnode has.
const NOT_ON_VNODES: [&str; 15] = [
    "topology.kubernetes.io/",
    "failure-domain.beta.kubernetes.io/",
    "node.kubernetes.io/",
    "node-role.kubernetes.io/",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/",
    // Those of clouds, of Karpenter and of Node Feature Discovery.
    "cloud.google.com/",
    "eks.amazonaws.com/",
    "kubernetes.azure.com/",
    "alibabacloud.com/",
    "karpenter.sh/",
    "feature.node.kubernetes.io/",
    BASE_PREFIX_OLDER,
    BASE_PREFIX_FIRST,
];

/// The environment variable whose literal value is the version of the module (ModuleController reads the first of that name).
pub const BIZ_VERSION: &str = "BIZ_VERSION";
/// [`BIZ_VERSION`] in the first design of ModuleController V2, which no release reads.
pub const BIZ_VERSION_FIRST: &str = "MODULE_VERSION";
/// The text that an image must contain for ModuleController to count its container as a module.
pub const JAR: &str = ".jar";
/// The suffix of a version that may be built repeatedly.
pub const SNAPSHOT: &str = "-SNAPSHOT";

/// The part that the prefix of every key of Koupleless' and of warden's ends with.
pub const KOUPLELESS_DOMAIN: &str = "koupleless.io/";
/// The prefix of warden's own annotations. [`ANNOTATIONS`] lists those on the objects of modules.
pub const WARDEN_PREFIX: &str = "warden.koupleless.io/";
/// `"false"`: warden fills in nothing on this object, and still checks it.
pub const INJECT: &str = "warden.koupleless.io/inject";
/// `"true"`: a new jar may be released under the version of the old one, where that can work.
pub const ALLOW_SAME_VERSION: &str = "warden.koupleless.io/allow-same-version";
/// On a pod template, written by warden: where its Pods are to run, as far as the template does not say so itself. JSON; see
/// [`crate::policy::Placement`].
pub const PLACEMENT: &str = "warden.koupleless.io/placement";
/// The prefix of the identity labels of a module Pod, which only warden writes: `<prefix><name of the module>: <version>`, one for
/// each module in it. By these labels two Pods of one module and version are kept off one base.
pub const IDENTITY_PREFIX: &str = "module.warden.koupleless.io/";
/// `"true"` on a template or Pod: tolerations of not-ready and unreachable are the user's own, not the in-tree default.
pub const OWN_TOLERATIONS: &str = "warden.koupleless.io/own-tolerations";
/// `"true"` on a peer Deployment: its replicas are left to the user for now.
pub const PEER_PAUSED: &str = "warden.koupleless.io/peer-paused";
/// On a peer Deployment: the workload whose ready replicas its own follow, for bases that are not vnodes.
/// `Deployment/NAME` or `StatefulSet/NAME`, preceded by `NAMESPACE/` for another namespace.
pub const FOLLOW: &str = "warden.koupleless.io/follow";
/// On a Deployment or StatefulSet, or on its Namespace: the namespaces whose peer Deployments may follow it, `NAMESPACE,…` or `*`.
/// Its own may always.
pub const FOLLOWERS: &str = "warden.koupleless.io/followers";
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
/// The number by which a ReplicaSet that is scaled down chooses the Pod to delete first: the lowest.
pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// The lowest [`POD_DELETION_COST`] there is.
pub const POD_DELETION_COST_LOWEST: &str = "-2147483648";
/// On the Pods of a Deployment: the suffix of their ReplicaSet's name.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// On the ReplicaSets and Pods of an Argo Rollout: the hash of their template.
pub const ARGO_TEMPLATE_HASH: &str = "rollouts-pod-template-hash";
/// On the Secret with warden's certificates: `"leaf"` or `"authority"` is renewed now. warden removes it afterwards.
pub const ROTATE: &str = "warden.koupleless.io/rotate";
/// Written by warden on the same Secret: when it adopted authorities that it had not made. Other processes may serve
/// certificates of these for a while.
pub const ADOPTED: &str = "warden.koupleless.io/adopted";
/// The field manager of all that warden writes.
pub const FIELD_MANAGER: &str = "warden";

/// The namespace of Kubernetes' own workloads, which warden leaves alone.
pub const KUBE_SYSTEM: &str = "kube-system";

/// On a ReplicaSet of a Deployment: its revision, a number that grows with each change of the template.
pub const DEPLOYMENT_REVISION: &str = "deployment.kubernetes.io/revision";
/// The same on a ReplicaSet of an Argo Rollout.
pub const ARGO_REVISION: &str = "rollout.argoproj.io/revision";
/// On a Namespace: the tolerations that its Pods may have, as a JSON list (in-tree plugin PodTolerationRestriction).
pub const TOLERATIONS_WHITELIST: &str = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";
/// On a Namespace: labels that are added to the node selector of all its Pods, as `key=value,…` (in-tree plugin PodNodeSelector).
pub const NAMESPACE_NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
/// On an object that `kubectl apply` wrote: the manifest that was applied, as JSON. It has only what its author wrote.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// On a template: when `kubectl rollout restart` last changed it, which is all that this command changes.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// The API groups of ModuleController V1. Its kinds begin with [`V1_KINDS`]. ModuleController V2 reads none of them.
pub const V1_GROUPS: [&str; 3] = ["koupleless.io", "koupleless.alipay.com", "serverless.alipay.com"];
/// What the kinds of ModuleController V1 begin with: Module, ModuleDeployment, ModuleReplicaSet, ModuleTemplate.
pub const V1_KINDS: &str = "Module";

/// On a Pod: what the in-tree admission plugin LimitRanger filled in, as a sentence.
pub const LIMIT_RANGER: &str = "kubernetes.io/limit-ranger";

/// An annotation with a meaning to warden, on the objects of modules.
///
/// The table [`ANNOTATIONS`] is what the rules on annotations check and what the documentation lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    /// The key.
    pub key: &'static str,
    /// The values that it can have.
    pub value: AnnotationValue,
    /// The objects on which it has an effect.
    pub place: AnnotationPlace,
    /// What it does, for the documentation: a sentence without a full stop.
    pub meaning: &'static str,
}

/// The syntax of an annotation's value. `Display` writes it as the documentation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationValue {
    /// `"true"` or `"false"`.
    Switch,
    /// A value that a Node can have as a label.
    LabelValue,
    /// A Deployment or StatefulSet, in this namespace or another.
    Workload,
    /// Names of namespaces, or `*`.
    Namespaces,
    /// warden writes it; a user's value is never read.
    WrittenByWarden,
}

/// Where an annotation has an effect. `Display` writes it as the documentation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationPlace {
    /// The workload or its template.
    WorkloadOrTemplate,
    /// The workload, its template or its Namespace.
    WorkloadTemplateOrNamespace,
    /// The template.
    Template,
    /// The template, or a bare Pod.
    TemplateOrPod,
    /// A Deployment with strategy peer.
    PeerDeployment,
    /// A Deployment or StatefulSet, or its Namespace.
    FollowedOrNamespace,
    /// A Pod.
    Pod,
}

/// All annotations with a meaning to warden, on the objects of modules.
pub const ANNOTATIONS: &[Annotation] = &[
    Annotation {
        key: BASE_NAME,
        value: AnnotationValue::LabelValue,
        place: AnnotationPlace::WorkloadTemplateOrNamespace,
        meaning: "declares the name of the bases; as a label, too",
    },
    Annotation {
        key: BASE_VERSION,
        value: AnnotationValue::LabelValue,
        place: AnnotationPlace::WorkloadTemplateOrNamespace,
        meaning: "declares the version of the bases; as a label, too",
    },
    Annotation {
        key: BASE_CLUSTER_NAME,
        value: AnnotationValue::LabelValue,
        place: AnnotationPlace::WorkloadTemplateOrNamespace,
        meaning: "declares the cluster of the bases; as a label, too",
    },
    Annotation {
        key: ENV,
        value: AnnotationValue::LabelValue,
        place: AnnotationPlace::WorkloadTemplateOrNamespace,
        meaning: "declares the environment; as a label, too",
    },
    Annotation {
        key: INJECT,
        value: AnnotationValue::Switch,
        place: AnnotationPlace::WorkloadOrTemplate,
        meaning: "`\"false\"`: warden fills in nothing, and still checks the object",
    },
    Annotation {
        key: ALLOW_SAME_VERSION,
        value: AnnotationValue::Switch,
        place: AnnotationPlace::WorkloadOrTemplate,
        meaning: "`\"true\"`: another jar may be released under the same `BIZ_VERSION`, where that can work",
    },
    Annotation {
        key: PLACEMENT,
        value: AnnotationValue::WrittenByWarden,
        place: AnnotationPlace::Template,
        meaning: "where the Pods run: environment, name, version and cluster of the bases, as far as the template does not say \
                  them itself",
    },
    Annotation {
        key: OWN_TOLERATIONS,
        value: AnnotationValue::Switch,
        place: AnnotationPlace::TemplateOrPod,
        meaning: "`\"true\"`: tolerations of `not-ready` and `unreachable` that end after the seconds of Kubernetes' default are \
                  your own, and stay",
    },
    Annotation {
        key: PEER_PAUSED,
        value: AnnotationValue::Switch,
        place: AnnotationPlace::PeerDeployment,
        meaning: "`\"true\"`: warden leaves the replicas to you",
    },
    Annotation {
        key: FOLLOW,
        value: AnnotationValue::Workload,
        place: AnnotationPlace::PeerDeployment,
        meaning: "the replicas follow the ready replicas of this workload instead of the bases",
    },
    Annotation {
        key: FOLLOWERS,
        value: AnnotationValue::Namespaces,
        place: AnnotationPlace::FollowedOrNamespace,
        meaning: "the namespaces whose peer Deployments may follow this workload; those of its own may always",
    },
    Annotation {
        key: PEER_STATE,
        value: AnnotationValue::WrittenByWarden,
        place: AnnotationPlace::PeerDeployment,
        meaning: "the last decision on the replicas",
    },
    Annotation {
        key: DEPARTED,
        value: AnnotationValue::WrittenByWarden,
        place: AnnotationPlace::Pod,
        meaning: "the Node of the Pod's base, which has departed",
    },
    Annotation {
        key: PEER_STATE_OLDER,
        value: AnnotationValue::WrittenByWarden,
        place: AnnotationPlace::PeerDeployment,
        meaning: "the last decision, as builds before 0.1.0 wrote it; warden removes it with its next write",
    },
    Annotation {
        key: DEPARTED_OLDER,
        value: AnnotationValue::WrittenByWarden,
        place: AnnotationPlace::Pod,
        meaning: "the departed Node, as builds before 0.1.0 wrote it; warden removes it with its next write",
    },
];

/// Whether `key` is a label of ordinary nodes, or of bases in an older dialect, that no vnode has.
pub fn no_vnode_carries(key: &str) -> bool {
    NOT_ON_VNODES.iter().any(|prefix| key.starts_with(prefix))
        || (key.starts_with(BASE_PREFIX) && !BASE_ON_VNODE.contains(&key))
}

/// Whether `key` is a label of bases that every vnode has, with one value or another.
pub fn every_vnode_carries(key: &str) -> bool {
    BASE_ON_VNODE.contains(&key) || key == HOSTNAME
}

impl Dialects {
    /// Both spellings, the current one first.
    pub fn all(self) -> [&'static str; 2] {
        [self.current, self.older]
    }
}

impl Annotation {
    /// The annotation with this key.
    pub fn named(key: &str) -> Option<&'static Self> {
        ANNOTATIONS.iter().find(|annotation| annotation.key == key)
    }
}

impl fmt::Display for AnnotationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Switch => "`\"true\"` or `\"false\"`",
            Self::LabelValue => "a label value",
            Self::Workload => "`Deployment/NAME` or `StatefulSet/NAME`, preceded by `NAMESPACE/` for another namespace",
            Self::Namespaces => "`NAMESPACE,…` or `*`",
            Self::WrittenByWarden => "written by warden",
        })
    }
}

impl fmt::Display for AnnotationPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WorkloadOrTemplate => "workload or template",
            Self::WorkloadTemplateOrNamespace => "workload, template or Namespace",
            Self::Template => "template",
            Self::TemplateOrPod => "template or Pod",
            Self::PeerDeployment => "peer Deployment",
            Self::FollowedOrNamespace => "Deployment, StatefulSet or their Namespace",
            Self::Pod => "Pod",
        })
    }
}
