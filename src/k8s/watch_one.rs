//! A watch of one object by its name.

use std::fmt::{Debug, Display};
use std::pin::pin;

use futures::StreamExt as _;
use kube::runtime::watcher::Config;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::Update;
use super::watch_decoder::WatchDecoder;

/// How long one watch lasts: so long, and 5 s more, its connection may be dead without anybody noticing. One object is
/// watched anew for little.
const WATCH_SECONDS: u32 = 30;

/// Tells what the object called `name` is, now and whenever that changes; none where it is not there. Runs until it is
/// dropped; kube backs off and goes on after errors. `what` is what the log calls it.
///
/// It needs the rights to list and to watch it, which may be given for this name alone.
pub async fn watch_one<K>(api: Api<K>, name: &str, what: impl Display, mut tell: impl FnMut(Option<K>))
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut feed = WatchDecoder::of(what);
    let config = Config::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
    let mut events = pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        match feed.take_in(event, |object| ((), object)) {
            Some(Update::Apply((), object)) => tell(Some(object)),
            Some(Update::Delete(())) => tell(None),
            Some(Update::Reset(list)) => tell(list.into_iter().next().map(|((), object)| object)),
            None => {}
        }
    }
}
