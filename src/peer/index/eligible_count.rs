//! How many nodes count for one peer Deployment.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What one node contributes to the count of one peer Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contribution {
    /// Nothing: it does not count and carries none of its Pods.
    Nothing,
    /// It counts.
    Counted {
        /// Whether it carries one of its Pods.
        carries: bool,
        /// Its host name, where only one base of that name can carry the module.
        host: Option<Arc<str>>,
    },
    /// It does not count (it may not even be there), and carries Pods of it.
    Ineligible,
}

/// The contributions of all nodes to one peer Deployment. Adding or removing one costs the same, whatever the number of
/// nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EligibleCount {
    counted: u32,
    carried: u32,
    ineligible: BTreeSet<Arc<str>>,
    hosts: HashMap<Arc<str>, Host>,
    shared: BTreeSet<Arc<str>>,
    beyond: u32,
}

/// The counted bases of one host name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Host {
    bases: u32,
    carrying: u32,
}

impl EligibleCount {
    /// How many replicas the bases stand for.
    pub(super) fn count(&self) -> u32 {
        self.counted - self.beyond
    }

    /// How many counted bases carry a Pod.
    pub(super) fn carried(&self) -> u32 {
        self.carried
    }

    /// The nodes that do not count and carry Pods.
    pub(super) fn ineligible(&self) -> impl Iterator<Item = &str> {
        self.ineligible.iter().map(|node| &**node)
    }

    /// Whether `node` is one of [`Self::ineligible`].
    pub(super) fn is_ineligible(&self, node: &str) -> bool {
        self.ineligible.contains(node)
    }

    /// The host names of which fewer bases count than there are.
    pub(super) fn shared_hosts(&self) -> impl Iterator<Item = &str> {
        self.shared.iter().map(|host| &**host)
    }

    /// Adds the contribution of `node`.
    pub(super) fn add(&mut self, node: &Arc<str>, contribution: Contribution) {
        match contribution {
            Contribution::Nothing => {}
            Contribution::Ineligible => {
                self.ineligible.insert(Arc::clone(node));
            }
            Contribution::Counted { carries, host } => {
                self.counted += 1;
                self.carried += u32::from(carries);
                self.at(host, |host| {
                    host.bases += 1;
                    host.carrying += u32::from(carries);
                });
            }
        }
    }

    /// Removes the contribution of `node`, which was added before.
    pub(super) fn remove(&mut self, node: &Arc<str>, contribution: Contribution) {
        match contribution {
            Contribution::Nothing => {}
            Contribution::Ineligible => {
                self.ineligible.remove(node);
            }
            Contribution::Counted { carries, host } => {
                self.counted -= 1;
                self.carried -= u32::from(carries);
                self.at(host, |host| {
                    host.bases -= 1;
                    host.carrying -= u32::from(carries);
                });
            }
        }
    }

    fn at(&mut self, name: Option<Arc<str>>, change: impl FnOnce(&mut Host)) {
        let Some(name) = name else { return };
        let host = self.hosts.entry(Arc::clone(&name)).or_default();
        self.beyond -= host.beyond();
        change(host);
        self.beyond += host.beyond();
        if host.beyond() > 0 {
            self.shared.insert(Arc::clone(&name));
        } else {
            self.shared.remove(&name);
        }
        if host.bases == 0 {
            self.hosts.remove(&name);
        }
    }
}

impl Host {
    /// How many of its bases do not count: all but one, or but those that carry the module already.
    fn beyond(self) -> u32 {
        self.bases.saturating_sub(self.carrying.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eligible(contributions: &[(&str, Contribution)]) -> EligibleCount {
        let mut eligible = EligibleCount::default();
        for (node, contribution) in contributions {
            eligible.add(&Arc::from(*node), contribution.clone());
        }
        eligible
    }

    fn at(host: Option<&str>, carries: bool) -> Contribution {
        Contribution::Counted { carries, host: host.map(Arc::from) }
    }

    #[test]
    fn of_bases_that_share_a_host_name_one_counts_or_those_that_carry() {
        let contributions = [
            ("a", at(Some("local"), false)),
            ("b", at(Some("local"), false)),
            ("c", at(Some("other"), true)),
            ("d", at(None, false)),
            ("e", at(None, false)),
        ];
        let mut eligible = eligible(&contributions);
        assert_eq!((eligible.count(), eligible.shared_hosts().collect::<Vec<_>>()), (4, vec!["local"]));
        for (node, _) in &contributions[..2] {
            eligible.remove(&Arc::from(*node), at(Some("local"), false));
            eligible.add(&Arc::from(*node), at(Some("local"), true));
        }
        assert_eq!((eligible.count(), eligible.carried(), eligible.shared_hosts().count()), (5, 3, 0));
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_behind() {
        let contributions =
            [("a", at(Some("local"), true)), ("b", at(Some("local"), false)), ("c", Contribution::Ineligible)];
        let mut eligible = eligible(&contributions);
        for (node, contribution) in contributions {
            eligible.remove(&Arc::from(node), contribution);
        }
        assert_eq!(eligible, EligibleCount::default());
    }
}
