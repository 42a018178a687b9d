//! What the nodes add up to for one peer Deployment.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What one node is to one peer Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Share {
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
    Astray,
}

/// The shares of all nodes in one peer Deployment. One share is put in or taken out at the same small cost, whatever the
/// number of nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    counted: u32,
    carried: u32,
    astray: BTreeSet<Arc<str>>,
    hosts: HashMap<Arc<str>, Host>,
    crowded: BTreeSet<Arc<str>>,
    beyond: u32,
}

/// The counted bases of one host name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Host {
    bases: u32,
    carrying: u32,
}

impl Tally {
    /// How many replicas the bases stand for.
    pub(super) fn count(&self) -> u32 {
        self.counted - self.beyond
    }

    /// How many counted bases carry a Pod.
    pub(super) fn carried(&self) -> u32 {
        self.carried
    }

    /// The nodes that do not count and carry Pods.
    pub(super) fn astray(&self) -> impl Iterator<Item = &str> {
        self.astray.iter().map(|node| &**node)
    }

    /// The host names of which fewer bases count than there are.
    pub(super) fn crowded(&self) -> impl Iterator<Item = &str> {
        self.crowded.iter().map(|host| &**host)
    }

    /// Puts in the share of `node`.
    pub(super) fn put(&mut self, node: &Arc<str>, share: Share) {
        match share {
            Share::Nothing => {}
            Share::Astray => {
                self.astray.insert(Arc::clone(node));
            }
            Share::Counted { carries, host } => {
                self.counted += 1;
                self.carried += u32::from(carries);
                self.at(host, |host| {
                    host.bases += 1;
                    host.carrying += u32::from(carries);
                });
            }
        }
    }

    /// Takes out the share of `node`, which was put in before.
    pub(super) fn take(&mut self, node: &Arc<str>, share: Share) {
        match share {
            Share::Nothing => {}
            Share::Astray => {
                self.astray.remove(node);
            }
            Share::Counted { carries, host } => {
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
            self.crowded.insert(Arc::clone(&name));
        } else {
            self.crowded.remove(&name);
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

    fn tally(shares: &[(&str, Share)]) -> Tally {
        let mut tally = Tally::default();
        for (node, share) in shares {
            tally.put(&Arc::from(*node), share.clone());
        }
        tally
    }

    fn at(host: Option<&str>, carries: bool) -> Share {
        Share::Counted { carries, host: host.map(Arc::from) }
    }

    #[test]
    fn of_bases_that_share_a_host_name_one_counts_or_those_that_carry() {
        let shares = [
            ("a", at(Some("local"), false)),
            ("b", at(Some("local"), false)),
            ("c", at(Some("other"), true)),
            ("d", at(None, false)),
            ("e", at(None, false)),
        ];
        let mut tally = tally(&shares);
        assert_eq!((tally.count(), tally.crowded().collect::<Vec<_>>()), (4, vec!["local"]));
        for (node, _) in &shares[..2] {
            tally.take(&Arc::from(*node), at(Some("local"), false));
            tally.put(&Arc::from(*node), at(Some("local"), true));
        }
        assert_eq!((tally.count(), tally.carried(), tally.crowded().count()), (5, 3, 0));
    }

    #[test]
    fn what_is_taken_out_leaves_nothing_behind() {
        let shares = [("a", at(Some("local"), true)), ("b", at(Some("local"), false)), ("c", Share::Astray)];
        let mut tally = tally(&shares);
        for (node, share) in shares {
            tally.take(&Arc::from(node), share);
        }
        assert_eq!(tally, Tally::default());
    }
}
