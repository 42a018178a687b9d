//! The books: a pure fold over what is seen of pods and nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::{Change, Entry, Mark, Module};

/// A module pod of the current dialect, as far as ModuleController cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSeen {
    /// Its uid: a StatefulSet's pod comes back under its name.
    pub uid: String,
    /// `namespace/name`.
    pub name: String,
    /// The node it is bound to.
    pub node: Option<String>,
    /// Each container as a module, or its name and why the base refuses it.
    pub modules: Vec<Result<Module, (String, &'static str)>>,
    /// Whether it has a deletionTimestamp.
    pub is_deleted: bool,
    /// Resource versions tell the order of what two watches deliver.
    pub resource_version: u64,
}

/// The node of a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// Its uid: a base that comes back comes under its name.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// See [`PodSeen::resource_version`].
    pub resource_version: u64,
}

/// What a watch delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pod is there or has changed.
    PodApplied(PodSeen),
    /// A pod is gone.
    PodGone {
        /// Which.
        uid: String,
        /// When.
        resource_version: u64,
    },
    /// After a list: no pods but these are there.
    OnlyPods(BTreeSet<String>),
    /// A base's node is there or has changed.
    NodeApplied(NodeSeen),
    /// A base's node is gone.
    NodeGone(NodeSeen),
    /// After a list: no bases' nodes but these (by uid) are there.
    OnlyNodes(BTreeSet<String>),
}

/// What each base runs now, and how that came about.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    bases: BTreeMap<String, Base>,
    pods: BTreeMap<String, Pod>,
    /// The uids of pods and nodes that were here and are gone, which a list of a moment ago may still have.
    gone: BTreeSet<String>,
    history: Vec<Entry>,
    now: Duration,
}

#[derive(Clone, Debug)]
struct Base {
    uid: String,
    lives: bool,
    /// Pods bound at this resource version or earlier belong to a base that bore the name before.
    since: u64,
    last_seen: u64,
    runs: BTreeSet<Module>,
}

#[derive(Clone, Debug)]
struct Pod {
    name: String,
    node: Option<String>,
    /// The resource version at which it was first seen bound.
    bound_at: u64,
    modules: Vec<Result<Module, (String, &'static str)>>,
    is_deleted: bool,
    last_seen: u64,
}

impl Pod {
    /// Whether it is one of those that the base which now bears the name was asked to install.
    fn counts_on(&self, name: &str, base: &Base) -> bool {
        !self.is_deleted && self.node.as_deref() == Some(name) && self.bound_at > base.since
    }
}

impl Ledger {
    /// Takes note of one event that was seen at a time since the ledger began to be kept.
    pub fn apply_at(&mut self, now: Duration, event: Event) {
        self.now = now;
        self.apply(event);
    }

    /// Takes note of one event, at the time of the one before.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::PodApplied(pod) => self.pod_applied(pod),
            Event::PodGone { uid, resource_version } => self.pod_gone(&uid, resource_version),
            Event::OnlyPods(there) => {
                let gone: Vec<String> = self.pods.keys().filter(|uid| !there.contains(*uid)).cloned().collect();
                for uid in gone {
                    // When it went is not known, but it was after all that is known.
                    self.pod_gone(&uid, u64::MAX);
                }
            }
            Event::NodeApplied(node) => self.node_applied(node),
            Event::NodeGone(node) => self.node_gone(&node),
            Event::OnlyNodes(there) => {
                let is_gone = |base: &Base| base.lives && !there.contains(&base.uid);
                let gone = self.bases.iter().filter(|(_, base)| is_gone(base)).map(|(name, _)| name.clone());
                for name in gone.collect::<Vec<_>>() {
                    self.leave_unseen(&name);
                }
            }
        }
    }

    fn node_applied(&mut self, node: NodeSeen) {
        match self.bases.get_mut(&node.name) {
            Some(base) if base.uid == node.uid => {
                base.last_seen = node.resource_version;
                return;
            }
            Some(base) if base.lives => self.leave_unseen(&node.name),
            _ => {}
        }
        let since = self.bases.get(&node.name).map_or(0, |base| base.last_seen);
        let base = Base { uid: node.uid, lives: true, since, last_seen: node.resource_version, runs: BTreeSet::new() };
        let mut waiting: Vec<_> = self.pods.iter().filter(|(_, pod)| pod.counts_on(&node.name, &base)).collect();
        waiting.sort_by_key(|(_, pod)| pod.bound_at);
        let waiting: Vec<String> = waiting.into_iter().map(|(uid, _)| uid.clone()).collect();
        self.bases.insert(node.name.clone(), base);
        self.note(&node.name, Change::Joined, None);
        for uid in waiting {
            self.install(&uid);
        }
    }

    fn node_gone(&mut self, node: &NodeSeen) {
        if self.bases.get(&node.name).is_some_and(|base| base.lives && base.uid == node.uid) {
            self.leave(&node.name, node.resource_version);
        }
    }

    /// A base whose end no watch has shown. Every pod that is known to be bound to it was bound before its end.
    fn leave_unseen(&mut self, name: &str) {
        let on_it = self.pods.values().filter(|pod| pod.node.as_deref() == Some(name)).map(|pod| pod.bound_at);
        let last_seen = self.bases.get(name).map(|base| base.last_seen);
        self.leave(name, on_it.chain(last_seen).max().unwrap_or(0));
    }

    fn leave(&mut self, name: &str, at: u64) {
        if let Some(base) = self.bases.get_mut(name) {
            self.gone.insert(base.uid.clone());
            base.lives = false;
            base.last_seen = at;
            base.runs.clear();
            self.note(name, Change::Left, None);
        }
    }

    fn pod_applied(&mut self, seen: PodSeen) {
        let (was_bound, was_deleted, bound_at) = match self.pods.get(&seen.uid) {
            Some(known) => (known.node.is_some(), known.is_deleted, known.bound_at),
            None => (false, false, seen.resource_version),
        };
        let pod = Pod {
            name: seen.name,
            bound_at: if was_bound { bound_at } else { seen.resource_version },
            is_deleted: seen.is_deleted,
            last_seen: seen.resource_version,
            modules: seen.modules,
            node: seen.node,
        };
        let is_bound = pod.node.is_some();
        self.pods.insert(seen.uid.clone(), pod);
        match (is_bound, seen.is_deleted) {
            (true, false) if !was_bound => self.install(&seen.uid),
            (true, true) if !was_deleted => self.uninstall(&seen.uid, seen.resource_version),
            _ => {}
        }
    }

    fn pod_gone(&mut self, uid: &str, at: u64) {
        if self.pods.get(uid).is_some_and(|pod| !pod.is_deleted) {
            self.uninstall(uid, at);
        }
        self.pods.remove(uid);
        self.gone.insert(uid.to_owned());
    }

    fn install(&mut self, uid: &str) {
        let Some((pod, name, base)) = self.pods.get(uid).and_then(|pod| {
            let name = pod.node.as_ref()?;
            let base = self.bases.get_mut(name).filter(|base| base.lives && pod.counts_on(name, base))?;
            Some((pod, name.clone(), base))
        }) else {
            return;
        };
        let mut changes = Vec::new();
        for module in &pod.modules {
            match module {
                Ok(module) => {
                    let earlier = self.pods.iter().find(|(other_uid, other)| {
                        other_uid.as_str() != uid
                            && other.counts_on(&name, base)
                            && other.bound_at <= pod.bound_at
                            && other.modules.contains(&Ok(module.clone()))
                    });
                    changes.push(match base.runs.insert(module.clone()) {
                        true => Change::Installed(module.clone()),
                        false => Change::AlreadyThere(module.clone()),
                    });
                    if let Some((_, other)) = earlier {
                        changes.push(Change::TwoAtOnce { module: module.clone(), other: other.name.clone() });
                    }
                }
                Err((container, reason)) => changes.push(Change::Refused { container: container.clone(), reason }),
            }
        }
        let pod = pod.name.clone();
        for change in changes {
            self.note(&name, change, Some(&pod));
        }
    }

    /// From whatever base bears the name by now, unless the pod went before that base came.
    fn uninstall(&mut self, uid: &str, at: u64) {
        let Some(pod) = self.pods.get(uid) else { return };
        let Some(name) = pod.node.clone() else { return };
        let Some(base) = self.bases.get_mut(&name).filter(|base| base.lives && at > base.since) else { return };
        let removed: Vec<Module> =
            pod.modules.iter().flatten().filter(|module| base.runs.remove(*module)).cloned().collect();
        let pod = pod.name.clone();
        for module in removed {
            self.note(&name, Change::Uninstalled(module), Some(&pod));
        }
    }

    fn note(&mut self, base: &str, change: Change, pod: Option<&str>) {
        self.history.push(Entry { base: base.to_owned(), change, pod: pod.map(str::to_owned), at: self.now });
    }

    /// Whether there is such a base now.
    pub fn lives(&self, base: &str) -> bool {
        self.bases.get(base).is_some_and(|base| base.lives)
    }

    /// All bases there are now, by node name.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        self.bases.iter().filter(|(_, base)| base.lives).map(|(name, _)| name.as_str())
    }

    /// What a base runs now: nothing where there is no such base.
    pub fn runs(&self, base: &str) -> BTreeSet<Module> {
        self.bases.get(base).map(|base| base.runs.clone()).unwrap_or_default()
    }

    /// The versions of one module that a base runs now.
    pub fn versions(&self, base: &str, module_name: &str) -> BTreeSet<String> {
        self.runs(base).into_iter().filter(|module| module.name == module_name).map(|module| module.version).collect()
    }

    /// Now, to ask later what happened since.
    pub fn mark(&self) -> Mark {
        Mark(self.history.len())
    }

    /// All that happened since a mark.
    pub fn since(&self, mark: Mark) -> &[Entry] {
        &self.history[mark.0.min(self.history.len())..]
    }

    /// All that ever happened to one base.
    pub fn history(&self, base: &str) -> Vec<&Entry> {
        self.history.iter().filter(|entry| entry.base == base).collect()
    }

    /// Whether the base was there without any version of the module at the mark or at any time since; if so, how that came.
    /// While a base is gone it misses nothing; one that comes back empty does. A base that never was there misses all:
    /// otherwise a slip in its name would pass for health.
    pub fn was_ever_without(&self, base: &str, module_name: &str, since: Mark) -> Option<String> {
        let mut lives = false;
        let mut was_there = false;
        let mut versions = BTreeSet::new();
        let mut cause = None;
        for (number, entry) in self.history.iter().enumerate() {
            if number == since.0 && lives && versions.is_empty() {
                break;
            }
            if entry.base != base {
                continue;
            }
            match &entry.change {
                Change::Joined | Change::Left => {
                    lives = entry.change == Change::Joined;
                    was_there = true;
                    versions.clear();
                }
                Change::Installed(module) if module.name == module_name => drop(versions.insert(&module.version)),
                Change::Uninstalled(module) if module.name == module_name => drop(versions.remove(&module.version)),
                _ => continue,
            }
            cause = Some(entry);
            if number >= since.0 && lives && versions.is_empty() {
                break;
            }
        }
        match cause {
            _ if !was_there => Some(format!("base {base} was never there")),
            Some(entry) if lives && versions.is_empty() => Some(format!("without {module_name}: {entry}")),
            _ => None,
        }
    }

    /// How long the base was without any version of the module, each time since the mark that it lost the last one and got one again.
    pub fn gaps(&self, base: &str, module_name: &str, since: Mark) -> Vec<Duration> {
        let mut versions = BTreeSet::new();
        let mut lost_at = None;
        let mut gaps = Vec::new();
        for (number, entry) in self.history.iter().enumerate().filter(|(_, entry)| entry.base == base) {
            match &entry.change {
                Change::Joined | Change::Left => {
                    versions.clear();
                    lost_at = None;
                }
                Change::Installed(module) if module.name == module_name => {
                    versions.insert(&module.version);
                    gaps.extend(lost_at.take().map(|lost_at| entry.at.saturating_sub(lost_at)));
                }
                Change::Uninstalled(module) if module.name == module_name => {
                    versions.remove(&module.version);
                    lost_at = Some(entry.at).filter(|_| versions.is_empty() && number >= since.0);
                }
                _ => {}
            }
        }
        gaps
    }

    /// Whether, since the mark, two pods that were not being deleted ever had the same module on one base; if so, which.
    pub fn two_at_once(&self, since: Mark) -> Option<String> {
        self.since(since).iter().find(|entry| matches!(entry.change, Change::TwoAtOnce { .. })).map(Entry::to_string)
    }

    /// Whether all that a list has shown is in the books: pods and nodes by uid and resource version, and the list's own
    /// resource version, after which something may have come that it does not show.
    pub(super) fn includes(
        &self,
        pods: &BTreeMap<String, u64>,
        pods_at: u64,
        nodes: &BTreeMap<String, u64>,
        nodes_at: u64,
    ) -> Result<(), String> {
        let known_pods = self.pods.iter().map(|(uid, pod)| (uid, pod.last_seen));
        let known_nodes = self.bases.values().filter(|base| base.lives).map(|base| (&base.uid, base.last_seen));
        lag("pod", &known_pods.collect(), &self.gone, pods, pods_at)?;
        lag("node", &known_nodes.collect(), &self.gone, nodes, nodes_at)
    }
}

fn lag(
    what: &str,
    known: &BTreeMap<&String, u64>,
    gone: &BTreeSet<String>,
    listed: &BTreeMap<String, u64>,
    listed_at: u64,
) -> Result<(), String> {
    for (uid, version) in listed {
        if !gone.contains(uid) && known.get(uid).is_none_or(|seen| seen < version) {
            return Err(format!("the latest of {what} {uid} has not been seen"));
        }
    }
    match known.iter().find(|(uid, seen)| !listed.contains_key(**uid) && **seen <= listed_at) {
        Some((uid, _)) => Err(format!("the end of {what} {uid} has not been seen")),
        None => Ok(()),
    }
}

/// A table: each base and what it runs.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.bases().map(str::len).max().unwrap_or(0).max("BASE".len());
        write!(f, "{:width$}  RUNS", "BASE")?;
        for name in self.bases() {
            let modules: Vec<String> = self.runs(name).iter().map(Module::to_string).collect();
            let modules = if modules.is_empty() { "-".to_owned() } else { modules.join(", ") };
            write!(f, "\n{name:width$}  {modules}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
