//! What a module is: a read-only view of a pod template on raw JSON.
//!
//! Objects stay [`serde_json::Value`]s, so that fields this crate has never heard of survive. Everything here assumes
//! values of the right JSON types and treats others as absent; [`shape`] is what tells the user about them.

mod affinity;
mod authorship;
mod container;
mod follow;
mod identity;
mod kind;
mod left_alone;
mod metadata;
mod path;
pub mod retained;
mod rollout;
pub mod shape;
mod toleration;
mod version;
mod workload;

pub use affinity::{AntiAffinityTerm, NodeTerm, Requirement};
pub use authorship::Authorship;
pub use container::{BizVersion, Container, JarName};
pub use follow::{Follow, FollowedKind};
pub use identity::identity;
pub use kind::Kind;
pub use left_alone::LeftAlone;
pub use metadata::Metadata;
pub use path::{FieldPath, Segment};
pub use rollout::{MaxSurge, Rollout};
pub use toleration::{Reach, Taint, Toleration};
pub use version::{LabelFault, check_label_value, check_version};
pub use workload::{Template, Workload};
