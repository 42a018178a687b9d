//! The updates that a watch sends.

/// One update from a watch, as a store applies it.
///
/// ```
/// use koupleless_warden::k8s::Update;
///
/// let mut pods = std::collections::BTreeMap::new();
/// for update in [
///     Update::Reset(vec![("a", 1), ("b", 1)]),
///     Update::Apply("b", 2),
///     Update::Delete("a"),
/// ] {
///     match update {
///         Update::Apply(name, version) => drop(pods.insert(name, version)),
///         Update::Delete(name) => drop(pods.remove(name)),
///         Update::Reset(all) => pods = all.into_iter().collect(),
///     }
/// }
/// assert_eq!(pods.into_iter().collect::<Vec<_>>(), [("b", 2)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update<K, T> {
    /// The object of this key was created or changed, or is sent again unchanged.
    Apply(K, T),
    /// The object is gone.
    Delete(K),
    /// These are all the objects there are; all others are gone.
    Reset(Vec<(K, T)>),
}
