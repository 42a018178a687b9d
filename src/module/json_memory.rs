//! What JSON takes in memory: an upper estimate of the allocations behind a [`serde_json::Value`], on a 64-bit machine.
//!
//! A map is a `BTreeMap<String, Value>`. It allocates nodes whole, so that its first entry takes as much as eleven do.

use serde_json::Value;

/// Bytes of a value where it stands, in a list or on the stack.
pub const VALUE: usize = 32;

/// Bytes that an allocation may take besides what was asked for: its header, and what it is rounded up by.
const ALLOCATION: usize = 32;

/// Entries for which a node of a map has room, and how many one has at least, the root excepted.
const NODE_ENTRIES: usize = 11;
const LEAST_ENTRIES: usize = 5;

/// Bytes of a node without children: room for its keys and values, and what ties it to its parent.
const LEAF: usize = 640;
/// Bytes of a node with children.
const BRANCH: usize = 736;

/// Bytes that the nodes of a map with so many entries take at most. What the texts of its keys take, and what its values take
/// elsewhere, is not among them.
pub const fn map(entries: usize) -> usize {
    if entries == 0 {
        return 0;
    }
    if entries <= NODE_ENTRIES {
        return LEAF;
    }
    // Each leaf but one has an entry beside it in a branch.
    let mut level = (entries + 1) / (LEAST_ENTRIES + 1);
    let mut bytes = level * LEAF;
    while level > 1 {
        level /= LEAST_ENTRIES + 1;
        if level == 0 {
            level = 1;
        }
        bytes += level * BRANCH;
    }
    bytes
}

/// Bytes that a list with room for so many values takes, without what these take elsewhere.
pub const fn list(room: usize) -> usize {
    if room == 0 { 0 } else { room * VALUE + ALLOCATION }
}

/// Bytes that a text of this length takes.
pub const fn text(length: usize) -> usize {
    if length == 0 { 0 } else { length + ALLOCATION }
}

/// Bytes that `value` takes, itself included. Lists are taken to have no more room than they need.
pub fn weight(value: &Value) -> usize {
    VALUE
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(value) => text(value.len()),
            // Each weight has the value itself, which `list` has too.
            Value::Array(values) => {
                list(values.len()) - values.len() * VALUE + values.iter().map(weight).sum::<usize>()
            }
            Value::Object(entries) => {
                let entry = |(key, value): (&String, &Value)| text(key.len()) + weight(value) - VALUE;
                map(entries.len()) + entries.iter().map(entry).sum::<usize>()
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_as_large_as_the_standard_library_makes_them() {
        let (key, value) = (size_of::<String>(), size_of::<Value>());
        let leaf = NODE_ENTRIES * (key + value) + size_of::<usize>() + 2 * size_of::<u16>();
        let branch = leaf + (NODE_ENTRIES + 1) * size_of::<usize>();
        assert!(value <= VALUE && leaf <= LEAF && branch <= BRANCH, "{value} {leaf} {branch}");
    }

    #[test]
    fn a_map_takes_a_whole_node_for_one_entry_and_never_less_for_more() {
        assert_eq!([0, 1, 11, 12].map(map), [0, LEAF, LEAF, 2 * LEAF + BRANCH]);
        assert!((0..2000).map(map).is_sorted());
        assert_eq!(map(80), 13 * LEAF + 3 * BRANCH);
    }
}
