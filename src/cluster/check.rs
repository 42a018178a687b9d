//! Whether what the caches show is so, where that matters too much to rely on a watch.

use kube::{Api, Client};

use super::PeerCache;
use super::facts::{NodeView, node};

impl PeerCache {
    /// Asks the API server whether the Node `name` is as the cache shows it, or not there where it shows none.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn agrees_on_node(&self, client: &Client, name: &str) -> kube::Result<bool> {
        let nodes: Api<NodeView> = Api::all(client.clone());
        let is = nodes.get_opt(name).await?.map(node);
        Ok(self.shows_node(name, is.as_ref()))
    }
}
