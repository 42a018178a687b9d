//! What a module is: a read-only view of a pod template on raw JSON.
//!
//! Objects stay [`serde_json::Value`]s, so that fields which this crate does not know survive. Everything here expects
//! values of the right JSON types and treats others as absent; [`shape`] finds those and reports them.

mod affinity;
mod container;
mod follow;
mod identity;
mod jar;
pub mod json_memory;
mod kind;
mod management;
mod metadata;
mod path;
pub mod retained;
mod rollout;
pub mod shape;
mod toleration;
mod version;
mod workload;

pub use affinity::{AntiAffinityTerm, NodeTerm, Requirement};
pub use container::{BizVersion, Container, is_above_zero};
pub use follow::{Follow, FollowError, FollowedKind, MAX_FOLLOWERS_BYTES, check_followers};
pub use identity::{identity_label, identity_labels};
pub use jar::{JarName, JarUrlError, check_jar_url, jar_of_url, placeholder};
pub use kind::{History, Kind};
pub use management::{Management, UnmanagedReason};
pub use metadata::Metadata;
pub use path::{FieldPath, Segment};
pub use rollout::{MaxSurge, Rollout};
pub use toleration::{Taint, Toleration, TolerationSpec};
pub use version::{LabelValueError, check_label_value, check_version};
pub use workload::{Template, Workload};
