//! A document of YAML as kubectl reads it.
//!
//! `libyaml-safer` and kubectl's go-yaml v2 are both ports of libyaml, so they accept and refuse the same text: a parser of YAML
//! 1.2 takes tabs that kubectl refuses. What the scalars mean is in [`super::scalar`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Cursor;
use std::panic::{self, AssertUnwindSafe};

use libyaml_safer::{Encoding, Event, EventData, Parser};
use serde_json::Value;

use super::scalar::Scalar;

/// A document of YAML.
#[derive(Debug, Default)]
pub(super) struct YamlDocument {
    /// Null where there is nothing in it.
    pub(super) value: Value,
    /// The line of its first value, from 0.
    pub(super) line: usize,
    /// Keys that are written twice in one mapping, of which the last counts.
    pub(super) repeated: Vec<Repeated>,
}

/// A key that is written twice in one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) key: String,
    /// The line of the second one, from 0.
    pub(super) line: usize,
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) what: String,
    /// Line and column, from 0.
    pub(super) at: Option<(usize, usize)>,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), at: None }
    }
}

/// How deep values may lie in each other. serde_json has the same limit.
const DEPTH: usize = 128;

/// How many values aliases may stand for in a document. It keeps a few lines from taking all memory, and is as much as
/// kubectl allows in a small document.
const ALIASED: usize = 400_000;

/// Reads the first document of `text`. Like kubectl, ignores what comes after its end (`...`).
pub(super) fn read(text: &str) -> Result<YamlDocument, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new();
    // Else the parser takes the first byte of some letters for that of a byte order mark.
    parser.set_encoding(Encoding::Utf8);
    parser.set_input(Cursor::new(text.as_bytes()));
    let mut reader = Reader { parser, anchors: HashMap::new(), anchored: 0, aliased: 0, repeated: Vec::new() };
    without_panic(|| reader.document())
}

/// The parser panics at a few texts that are not YAML (2026-11: at `[!tag,]`). The user reads an error about them, as about any
/// other mistake in the text.
fn without_panic<T>(read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    panic::set_hook(hook);
    result.unwrap_or_else(|_| Err(Problem::new("kubectl cannot read this as YAML")))
}

struct Reader<'t> {
    parser: Parser<Cursor<&'t [u8]>>,
    anchors: HashMap<String, Anchor>,
    /// How many anchors there were.
    anchored: usize,
    aliased: usize,
    repeated: Vec<Repeated>,
}

/// A value of YAML. It becomes JSON at the end, as in kubectl: until then a key that is written again can replace what JSON does
/// not have.
#[derive(Clone)]
struct Node {
    value: NodeValue,
    /// Its line and column, from 0.
    at: (usize, usize),
    /// How many values it has in it, itself included.
    size: usize,
    /// How deep values lie in each other in it.
    depth: usize,
}

#[derive(Clone)]
enum NodeValue {
    /// `is_merge`: as a key, `<<` takes over the entries of its value.
    Scalar {
        scalar: Scalar,
        is_merge: bool,
    },
    List(Vec<Node>),
    Map(Entries),
}

/// What an anchor stands for. The last one of a name counts, from where it is written.
enum Anchor {
    /// A value that is being read, by the number of its anchor.
    Open(usize),
    Whole(Node),
}

/// The entries of a mapping, by a text that is the same for the same key.
type Entries = BTreeMap<String, (Scalar, Node)>;

impl Node {
    fn into_value(self) -> Result<Value, Problem> {
        let at = self.at;
        let here = |problem: Problem| Problem { at: problem.at.or(Some(at)), ..problem };
        match self.value {
            NodeValue::Scalar { scalar, .. } => scalar.into_value().map_err(here),
            NodeValue::List(list) => list.into_iter().map(Self::into_value).collect(),
            NodeValue::Map(entries) => {
                let member = |(key, value): (Scalar, Self)| {
                    let at = value.at;
                    let key = key.into_key().map_err(|problem| Problem { at: Some(at), ..problem })?;
                    Ok((key, value.into_value()?))
                };
                entries.into_values().map(member).collect()
            }
        }
    }
}

impl Reader<'_> {
    fn document(&mut self) -> Result<YamlDocument, Problem> {
        loop {
            match self.next()?.data {
                EventData::StreamStart { .. } => {}
                EventData::DocumentStart { .. } => break,
                _ => return Ok(YamlDocument::default()),
            }
        }
        let event = self.next()?;
        let node = self.node(event, 0)?;
        // The end of the document is read, too: text may stand behind its value that does not belong there.
        self.next()?;
        let line = node.at.0;
        Ok(YamlDocument { value: node.into_value()?, line, repeated: std::mem::take(&mut self.repeated) })
    }

    fn next(&mut self) -> Result<Event, Problem> {
        self.parser.parse().map_err(|error| {
            let at = error.problem_mark().map(|mark| (to_usize(mark.line), to_usize(mark.column)));
            Problem { what: error.problem().to_owned(), at }
        })
    }

    fn node(&mut self, event: Event, level: usize) -> Result<Node, Problem> {
        let at = place(&event);
        let here = |problem: Problem| Problem { at: problem.at.or(Some(at)), ..problem };
        if level > DEPTH {
            return Err(here(too_deep()));
        }
        let (node, anchor) = match event.data {
            EventData::Alias { anchor } => return self.alias(&anchor).map_err(here),
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let tag = tag.filter(|tag| !tag.is_empty());
                let is_merge =
                    value == "<<" && (plain_implicit || tag.as_deref().is_some_and(|tag| tag.ends_with(":merge")));
                let scalar = match tag {
                    None if !plain_implicit => Scalar::Text(value),
                    tag => Scalar::resolve(tag.as_deref(), &value).map_err(here)?,
                };
                (Node { value: NodeValue::Scalar { scalar, is_merge }, at, size: 1, depth: 0 }, self.open(anchor))
            }
            EventData::SequenceStart { anchor, .. } => {
                let anchor = self.open(anchor);
                (self.list(at, level)?, anchor)
            }
            EventData::MappingStart { anchor, .. } => {
                let anchor = self.open(anchor);
                (self.map(at, level)?, anchor)
            }
            _ => return Err(here(Problem::new("a value is missing"))),
        };
        // Aliases can make it deeper than it is written.
        if level + node.depth > DEPTH {
            return Err(here(too_deep()));
        }
        if let Some((name, number)) = anchor
            && matches!(self.anchors.get(&name), Some(Anchor::Open(open)) if *open == number)
        {
            self.anchors.insert(name, Anchor::Whole(node.clone()));
        }
        Ok(node)
    }

    /// Notes the anchor of a value that begins here. Gives its name and number.
    fn open(&mut self, anchor: Option<String>) -> Option<(String, usize)> {
        let name = anchor?;
        self.anchored += 1;
        self.anchors.insert(name.clone(), Anchor::Open(self.anchored));
        Some((name, self.anchored))
    }

    fn alias(&mut self, anchor: &str) -> Result<Node, Problem> {
        let node = match self.anchors.get(anchor) {
            Some(Anchor::Whole(node)) => node,
            Some(Anchor::Open(_)) => {
                return Err(Problem::new(format!("the value with the anchor {anchor:?} has itself in it")));
            }
            None => return Err(Problem::new(format!("no value before this has the anchor {anchor:?}"))),
        };
        self.aliased += node.size;
        if self.aliased > ALIASED {
            return Err(Problem::new(format!("aliases stand for more than {ALIASED} values")));
        }
        Ok(node.clone())
    }

    fn list(&mut self, at: (usize, usize), level: usize) -> Result<Node, Problem> {
        let (mut list, mut size, mut depth) = (Vec::new(), 1, 0);
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Node { value: NodeValue::List(list), at, size, depth });
            }
            let item = self.node(event, level + 1)?;
            size += item.size;
            depth = depth.max(item.depth + 1);
            list.push(item);
        }
    }

    fn map(&mut self, at: (usize, usize), level: usize) -> Result<Node, Problem> {
        let (mut entries, mut size, mut depth) = (Entries::new(), 1, 0);
        // What is written here, without what is merged: only that is written twice.
        let mut written = HashSet::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                return Ok(Node { value: NodeValue::Map(entries), at, size, depth });
            }
            let place = place(&event);
            let key = self.node(event, level + 1)?;
            let event = self.next()?;
            let is_alias = matches!(event.data, EventData::Alias { .. });
            let value = self.node(event, level + 1)?;
            size += key.size + value.size;
            depth = depth.max(value.depth + 1);
            let here = |problem: Problem| Problem { at: problem.at.or(Some(place)), ..problem };
            match key.value {
                NodeValue::Scalar { is_merge: true, .. } => merge(value, is_alias, &mut entries).map_err(here)?,
                NodeValue::Scalar { scalar, .. } => {
                    let text = format!("{scalar:?}");
                    if !written.insert(text.clone())
                        && let Ok(key) = scalar.clone().into_key()
                    {
                        self.repeated.push(Repeated { key, line: place.0 });
                    }
                    entries.insert(text, (scalar, value));
                }
                _ => return Err(here(Problem::new("a key must be a text, and is a list or a mapping"))),
            }
        }
    }
}

/// The entries of `node`, a mapping or several, in `entries`. As in go-yaml they replace those that stand before `<<`, and an alias
/// stands for one mapping only.
fn merge(node: Node, is_alias: bool, entries: &mut Entries) -> Result<(), Problem> {
    let no_map = || Problem::new("<< takes a mapping, or a list of mappings");
    match node.value {
        NodeValue::Map(merged) => entries.extend(merged),
        // Earlier ones take precedence.
        NodeValue::List(list) if !is_alias => {
            for item in list.into_iter().rev() {
                let NodeValue::Map(merged) = item.value else { return Err(no_map()) };
                entries.extend(merged);
            }
        }
        _ => return Err(no_map()),
    }
    Ok(())
}

fn too_deep() -> Problem {
    Problem::new(format!("values lie deeper in each other than {DEPTH}"))
}

fn place(event: &Event) -> (usize, usize) {
    (to_usize(event.start_mark.line), to_usize(event.start_mark.column))
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
