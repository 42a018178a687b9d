//! AdmissionReview in, AdmissionReview out.
//!
//! [`envelope`] is the wire format, on raw JSON and with our own types: kube's would write the patch as an array of numbers,
//! and a round trip through typed objects would drop the fields they do not know. [`Reviewer`] decides; [`http`] is the thin
//! part around it.

mod cluster_view;
mod endpoint;
pub mod envelope;
pub mod http;
mod metrics;
mod refusal;
mod reviewer;
mod scale;

pub use cluster_view::{ClusterView, WatchedCluster};
pub use endpoint::Endpoint;
pub use metrics::{Metrics, Outcome};
pub use reviewer::{Reply, Reviewer};
pub use scale::OwnUser;
