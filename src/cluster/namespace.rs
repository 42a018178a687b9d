//! What Namespaces declare, from a watch.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt as _};
use kube::{Api, Client};
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::k8s::{Index, Store, Subscriber, Update, View, Watch, brief};
use crate::policy::NamespaceFacts;

/// How long a review waits for the API server to return a Namespace that the watch has not shown yet. It is less than the 3 s
/// that the API server waits for the webhook.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// A Namespace as far as it is decoded.
type NamespaceView = View<Namespace, IgnoredAny, IgnoredAny>;

/// A Namespace cannot be read. The review can be tried again.
#[derive(Debug, Error)]
#[error("cannot read Namespace {name}: {reason}")]
pub struct NamespaceUnavailable {
    /// The Namespace's name.
    pub name: String,
    /// Why it cannot be read.
    pub reason: String,
}

/// By which labels Namespaces are served. The default serves all.
#[derive(Debug, Clone, Default)]
pub struct NamespaceSelector(Option<Selector>);

/// A selector of Namespaces cannot be read.
#[derive(Debug, Error)]
#[error("it must be the matchExpressions of a label selector, as JSON: {0}")]
pub struct InvalidNamespaceSelector(String);

/// The Namespaces of a cluster.
#[derive(Debug, Clone)]
pub struct NamespaceStore {
    store: Store<NamespaceIndex>,
    api: Api<NamespaceView>,
    selector: Arc<NamespaceSelector>,
}

/// The facts of each Namespace, by name.
#[derive(Debug, Default)]
pub struct NamespaceIndex(BTreeMap<String, NamespaceFacts>);

impl NamespaceStore {
    /// A store, and the watch that fills it, which runs until it is dropped. Those that `selector` does not select are excluded.
    pub fn watch(client: Client, selector: NamespaceSelector) -> (Self, impl Future<Output = ()> + Send) {
        let (api, selector): (Api<NamespaceView>, _) = (Api::all(client), Arc::new(selector));
        let this =
            Self { store: Store::new(NamespaceIndex::default()), api: api.clone(), selector: Arc::clone(&selector) };
        let store = this.store.clone();
        let watch = async move {
            let read = |view: NamespaceView| (view.name(), facts(&view, &selector));
            Watch::of(api, "Namespaces").run(read, |update| store.apply(update)).await;
        };
        (this, watch)
    }

    /// Whether no Namespace is excluded.
    pub fn serves_all(&self) -> bool {
        self.selector.0.is_none()
    }

    /// Subscribes to the names of Namespaces whose facts change. The subscriber gets all names first.
    pub fn subscribe(&self) -> Subscriber<NamespaceIndex> {
        self.store.subscribe()
    }

    /// The facts of Namespace `name` in the store.
    pub fn get(&self, name: &str) -> Option<NamespaceFacts> {
        self.store.read(|index| index.0.get(name).cloned()).flatten()
    }

    /// The facts of Namespace `name` in the store, or else at the API server: the watch may not have shown a new Namespace yet.
    /// None if it does not exist.
    ///
    /// # Errors
    /// If the API server refuses the request, or does not answer in time.
    pub async fn get_or_ask(&self, name: &str) -> Result<Option<NamespaceFacts>, NamespaceUnavailable> {
        if let Some(facts) = self.get(name) {
            return Ok(Some(facts));
        }
        let unavailable = |reason: String| NamespaceUnavailable { name: name.to_owned(), reason };
        match tokio::time::timeout(LOOK_UP_TIMEOUT, self.api.get_opt(name)).await {
            Ok(Ok(namespace)) => Ok(namespace.map(|namespace| facts(&namespace, &self.selector))),
            Ok(Err(error)) => Err(unavailable(brief(&error))),
            Err(_) => Err(unavailable(format!("no answer within {LOOK_UP_TIMEOUT:?}"))),
        }
    }

    /// Waits until the first list has arrived.
    pub async fn synced(&self) {
        self.store.synced().await;
    }
}

impl Index for NamespaceIndex {
    type Key = String;
    type Change = Update<String, NamespaceFacts>;
    type List = ();

    fn lists() -> Vec<()> {
        vec![()]
    }

    fn list_of(change: &Self::Change) -> Option<()> {
        matches!(change, Update::Reset(_)).then_some(())
    }

    fn apply(&mut self, change: Self::Change) -> BTreeSet<String> {
        match change {
            Update::Apply(name, facts) => {
                let is_known = self.0.get(&name) == Some(&facts);
                self.0.insert(name.clone(), facts);
                if is_known { BTreeSet::new() } else { [name].into() }
            }
            Update::Delete(name) => self.0.remove(&name).map(|_| name).into_iter().collect(),
            Update::Reset(all) => {
                let before = std::mem::replace(&mut self.0, all.into_iter().collect());
                let names: BTreeSet<_> = before.keys().chain(self.0.keys()).cloned().collect();
                names.into_iter().filter(|name| before.get(name) != self.0.get(name)).collect()
            }
        }
    }

    fn keys(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }

    fn contains(&self, name: &String) -> bool {
        self.0.contains_key(name)
    }
}

impl NamespaceSelector {
    fn excludes(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let none = BTreeMap::new();
        self.0.as_ref().is_some_and(|selector| !selector.matches(labels.unwrap_or(&none)))
    }
}

/// The `matchExpressions` of a label selector, as JSON.
impl FromStr for NamespaceSelector {
    type Err = InvalidNamespaceSelector;

    fn from_str(text: &str) -> Result<Self, InvalidNamespaceSelector> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let expressions = serde_json::from_str(text).map_err(|error| InvalidNamespaceSelector(error.to_string()))?;
        let selector = LabelSelector { match_expressions: Some(expressions), match_labels: None };
        let selector = Selector::try_from(selector).map_err(|error| InvalidNamespaceSelector(error.to_string()))?;
        Ok(Self(Some(selector)))
    }
}

fn facts(namespace: &NamespaceView, selector: &NamespaceSelector) -> NamespaceFacts {
    let own = |map: Option<&BTreeMap<String, String>>| {
        let pairs = map.into_iter().flatten().filter(|(key, _)| NamespaceFacts::reads(key));
        pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    NamespaceFacts {
        labels: own(namespace.metadata.labels.as_ref()),
        annotations: own(namespace.metadata.annotations.as_ref()),
        is_excluded: selector.excludes(namespace.metadata.labels.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::unset("", false, false)]
    #[case::exists(r#"[{"key":"team","operator":"Exists"}]"#, false, true)]
    #[case::value(r#"[{"key":"team","operator":"In","values":["a"]}]"#, false, true)]
    #[case::another_value(r#"[{"key":"team","operator":"NotIn","values":["a"]}]"#, true, false)]
    #[case::all_must_match(r#"[{"key":"team","operator":"Exists"},{"key":"x","operator":"Exists"}]"#, true, true)]
    fn a_namespace_is_excluded_by_its_labels(
        #[case] selector: &str,
        #[case] of_team_a: bool,
        #[case] unlabelled: bool,
    ) {
        let selector: NamespaceSelector = selector.parse().unwrap();
        let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        assert_eq!((selector.excludes(Some(&labels)), selector.excludes(None)), (of_team_a, unlabelled));
    }

    #[rstest]
    #[case::no_json("team=a")]
    #[case::no_operator(r#"[{"key":"team"}]"#)]
    #[case::unknown_operator(r#"[{"key":"team","operator":"Like"}]"#)]
    fn what_is_no_selector_is_refused(#[case] text: &str) {
        let error = text.parse::<NamespaceSelector>().unwrap_err().to_string();
        assert!(error.contains("matchExpressions"), "{error}");
    }
}
