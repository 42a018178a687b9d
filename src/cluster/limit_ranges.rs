//! The LimitRanges of a Namespace, read from the API server.
//!
//! They are asked for only when a workload or a Pod without a controller is written that makes new Pods, which is rare. A cache of
//! them would grow with what the users of Namespaces create. An answer that is kept could refuse a module for a LimitRange that
//! was mended a second ago.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::LimitRange;
use kube::api::ListParams;
use kube::{Api, Client};
use serde::de::IgnoredAny;
use thiserror::Error;
use tokio::time::timeout;

use crate::k8s::{ReadSlots, View, brief, list};
use crate::policy::{LimitRangeFacts, LimitRangeSpec};

/// How long a review waits for the API server. It goes on without an answer, and must itself answer within 3 s.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How many LimitRanges of a Namespace are kept. One that refuses modules is enough, and a refusal names all that are kept.
const KEPT: usize = 8;

/// The LimitRanges cannot be read.
#[derive(Debug, Error)]
#[error("cannot read the LimitRanges of Namespace {namespace}: {reason}")]
pub struct LimitRangesUnavailable {
    /// The Namespace.
    pub namespace: String,
    /// Why they cannot be read.
    pub reason: String,
}

/// Reads the LimitRanges of Namespaces.
///
/// # RBAC
/// It needs `list` of LimitRanges.
#[derive(Clone)]
pub struct LimitRangeReader {
    client: Client,
    slots: Arc<ReadSlots>,
}

/// A LimitRange as far as it is decoded.
type LimitRangeView = View<LimitRange, LimitRangeSpec, IgnoredAny>;

impl Debug for LimitRangeReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LimitRangeReader").finish_non_exhaustive()
    }
}

impl LimitRangeReader {
    /// A reader by `client`.
    pub fn new(client: Client) -> Self {
        Self { client, slots: Arc::default() }
    }

    /// Those LimitRanges of `namespace` that refuse modules, at most [`KEPT`].
    ///
    /// # Errors
    /// If the API server refuses the request, or does not answer in time.
    pub async fn of(&self, namespace: &str) -> Result<Vec<LimitRangeFacts>, LimitRangesUnavailable> {
        let unavailable = |reason: String| LimitRangesUnavailable { namespace: namespace.to_owned(), reason };
        let read = async {
            let _slot = self.slots.acquire(namespace).await;
            let api: Api<LimitRangeView> = Api::namespaced(self.client.clone(), namespace);
            list(&api, &ListParams::default(), |view| LimitRangeFacts::of(&view.name(), &view.spec)).await
        };
        match timeout(TIMEOUT, read).await {
            Ok(Ok(listed)) => Ok(listed.items.into_iter().flatten().take(KEPT).collect()),
            Ok(Err(error)) => Err(unavailable(brief(&error))),
            Err(_) => Err(unavailable(format!("no answer within {TIMEOUT:?}"))),
        }
    }
}
