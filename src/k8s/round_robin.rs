//! Items of several groups, which take turns.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items that wait, first in, first out within their group. The groups take turns, so that one with many items does not keep the
/// others waiting.
#[derive(Debug)]
pub(super) struct RoundRobin<G, T> {
    /// Those that have items.
    groups: HashMap<G, VecDeque<T>>,
    /// The same groups, in the order of their turns.
    turns: VecDeque<G>,
    len: usize,
}

impl<G, T> Default for RoundRobin<G, T> {
    fn default() -> Self {
        Self { groups: HashMap::new(), turns: VecDeque::new(), len: 0 }
    }
}

impl<G: Clone + Eq + Hash, T> RoundRobin<G, T> {
    /// Adds an item as the last one of its group.
    pub(super) fn push(&mut self, group: G, item: T) {
        self.len += 1;
        let items = self.groups.entry(group.clone()).or_insert_with(|| {
            self.turns.push_back(group);
            VecDeque::new()
        });
        items.push_back(item);
    }

    /// Takes the first item of the group whose turn it is. The next turn of that group comes after all others.
    pub(super) fn pop(&mut self) -> Option<T> {
        let group = self.turns.pop_front()?;
        let items = self.groups.get_mut(&group)?;
        let item = items.pop_front();
        if items.is_empty() {
            self.groups.remove(&group);
        } else {
            self.turns.push_back(group);
        }
        self.len -= usize::from(item.is_some());
        item
    }

    /// The same as [`Self::push`], while no more than `limit` items wait. Beyond that the group with the most items gives way: it loses
    /// the last of them, or does not get this one. Returns what was left out.
    pub(super) fn push_within(&mut self, limit: usize, group: G, item: T) -> Option<T> {
        if self.len < limit {
            self.push(group, item);
            return None;
        }
        let Some((longest, count)) =
            self.groups.iter().map(|(group, items)| (group, items.len())).max_by_key(|it| it.1)
        else {
            return Some(item);
        };
        if self.groups.get(&group).map_or(0, VecDeque::len) >= count {
            return Some(item);
        }
        let longest = longest.clone();
        let left_out = self.groups.get_mut(&longest).and_then(VecDeque::pop_back);
        if count == 1 {
            self.groups.remove(&longest);
            self.turns.retain(|group| *group != longest);
        }
        self.len -= usize::from(left_out.is_some());
        self.push(group, item);
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(items: &[(&'static str, u8)]) -> RoundRobin<&'static str, u8> {
        let mut all = RoundRobin::default();
        items.iter().for_each(|(group, item)| all.push(*group, *item));
        all
    }

    #[test]
    fn groups_take_turns_and_keep_their_order() {
        let mut all = filled(&[("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("c", 6)]);

        let order: Vec<u8> = std::iter::from_fn(|| all.pop()).collect();

        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
        assert_eq!((all.len, all.groups.len(), all.turns.len()), (0, 0, 0));
    }

    #[test]
    fn a_group_that_comes_back_waits_for_its_turn() {
        let mut all = filled(&[("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(all.pop(), Some(1));

        all.push("a", 4);

        assert_eq!(std::iter::from_fn(|| all.pop()).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn the_group_with_the_most_items_gives_way() {
        // Given as many items as may wait
        let mut all = filled(&[("a", 1), ("a", 2), ("a", 3), ("b", 4)]);
        // When that group adds one more, then it is left out
        assert_eq!(all.push_within(4, "a", 5), Some(5));
        // and when others do, then that group loses its last ones, until all have as many
        assert_eq!(all.push_within(4, "c", 6), Some(3));
        assert_eq!(all.push_within(4, "d", 7), Some(2));
        assert_eq!(all.push_within(4, "b", 8), Some(8));
        assert_eq!(std::iter::from_fn(|| all.pop()).collect::<Vec<_>>(), [1, 4, 6, 7]);
        assert_eq!((all.len, all.groups.len(), all.turns.len()), (0, 0, 0));
    }

    #[test]
    fn no_item_waits_where_none_may() {
        assert_eq!(RoundRobin::default().push_within(0, "a", 1), Some(1));
    }
}
