//! A document of YAML as kubectl reads it.
//!
//! `libyaml-safer` and kubectl's go-yaml v2 are both ports of libyaml, so they accept and refuse the same text: a parser of YAML
//! 1.2 takes tabs that kubectl refuses. What the scalars mean is in [`super::scalar`].

use std::collections::HashMap;
use std::io::Cursor;
use std::panic::{self, AssertUnwindSafe};

use libyaml_safer::{Encoding, Event, EventData, Parser};
use serde_json::{Map, Value};

use super::scalar::Scalar;

/// A document of YAML.
#[derive(Debug, Default)]
pub(super) struct Document {
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

    fn or_at(self, event: &Event) -> Self {
        let at = self.at.unwrap_or_else(|| place(event));
        Self { at: Some(at), ..self }
    }
}

/// How deep values may lie in each other. serde_json has the same limit.
const DEPTH: usize = 128;

/// How many values aliases may stand for in a document. It keeps a few lines from taking all memory, and is as much as
/// kubectl allows in a small document.
const ALIASED: usize = 400_000;

/// Reads the first document of `text`. Like kubectl, ignores what comes after its end (`...`).
pub(super) fn read(text: &str) -> Result<Document, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new();
    // Else the parser takes the first byte of some letters for that of a byte order mark.
    parser.set_encoding(Encoding::Utf8);
    parser.set_input(Cursor::new(text.as_bytes()));
    let mut reader = Reader { parser, anchors: HashMap::new(), aliased: 0, repeated: Vec::new() };
    without_panic(|| reader.document())
}

/// The parser panics at a few texts that are no YAML (2026-11: at `[!tag,]`). They are told like others that are none.
fn without_panic<T>(read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    panic::set_hook(hook);
    result.unwrap_or_else(|_| Err(Problem::new("this is no YAML that kubectl reads")))
}

struct Reader<'t> {
    parser: Parser<Cursor<&'t [u8]>>,
    anchors: HashMap<String, Node>,
    aliased: usize,
    repeated: Vec<Repeated>,
}

/// A value, and what counts where it is a key, or is merged.
#[derive(Clone)]
struct Node {
    value: NodeValue,
    /// How many values it has in it, itself included.
    size: usize,
}

#[derive(Clone)]
enum NodeValue {
    /// `is_merge`: as a key, `<<` takes over the entries of its value.
    Scalar {
        scalar: Scalar,
        is_merge: bool,
    },
    List(Vec<Value>),
    Map(Map<String, Value>),
}

impl Node {
    fn into_value(self) -> Result<Value, Problem> {
        match self.value {
            NodeValue::Scalar { scalar, .. } => scalar.into_value(),
            NodeValue::List(list) => Ok(list.into()),
            NodeValue::Map(map) => Ok(map.into()),
        }
    }
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Document, Problem> {
        let mut document = Document::default();
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } => {}
                EventData::DocumentStart { .. } => break,
                _ => return Ok(document),
            }
        }
        let event = self.next()?;
        document.line = place(&event).0;
        let node = self.node(event, 0)?;
        document.value = node.into_value().map_err(|problem| Problem { at: Some((document.line, 0)), ..problem })?;
        // The end of the document is read, too: text may stand behind its value that does not belong there.
        self.next()?;
        document.repeated = std::mem::take(&mut self.repeated);
        Ok(document)
    }

    fn next(&mut self) -> Result<Event, Problem> {
        self.parser.parse().map_err(|error| {
            let at = error.problem_mark().map(|mark| (to_usize(mark.line), to_usize(mark.column)));
            Problem { what: error.problem().to_owned(), at }
        })
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH {
            return Err(Problem::new(format!("values lie deeper in each other than {DEPTH}")).or_at(&event));
        }
        let (value, anchor, size) = match event.data {
            EventData::Alias { ref anchor } => return self.alias(anchor).map_err(|problem| problem.or_at(&event)),
            EventData::Scalar { ref anchor, ref tag, ref value, plain_implicit, .. } => {
                let scalar = match tag.as_deref().filter(|tag| !tag.is_empty()) {
                    None if !plain_implicit => Scalar::Text(value.clone()),
                    tag => Scalar::resolve(tag, value).map_err(|problem| problem.or_at(&event))?,
                };
                let is_merge =
                    value == "<<" && (plain_implicit || tag.as_deref().is_some_and(|tag| tag.ends_with(":merge")));
                (NodeValue::Scalar { scalar, is_merge }, anchor.clone(), 1)
            }
            EventData::SequenceStart { anchor, .. } => {
                let (list, size) = self.list(depth)?;
                (NodeValue::List(list), anchor, size)
            }
            EventData::MappingStart { anchor, .. } => {
                let (map, size) = self.map(depth)?;
                (NodeValue::Map(map), anchor, size)
            }
            _ => return Err(Problem::new("a value is missing").or_at(&event)),
        };
        let node = Node { value, size };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: &str) -> Result<Node, Problem> {
        let unknown = || Problem::new(format!("no value before this has the anchor {anchor:?}"));
        let node = self.anchors.get(anchor).cloned().ok_or_else(unknown)?;
        self.aliased += node.size;
        if self.aliased > ALIASED {
            return Err(Problem::new(format!("aliases stand for more than {ALIASED} values")));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Value>, usize), Problem> {
        let (mut list, mut size) = (Vec::new(), 1);
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok((list, size));
            }
            let at = place(&event);
            let node = self.node(event, depth + 1)?;
            size += node.size;
            list.push(node.into_value().map_err(|problem| Problem { at: problem.at.or(Some(at)), ..problem })?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<(Map<String, Value>, usize), Problem> {
        let (mut map, mut size) = (Map::new(), 1);
        // What is written here, without what is merged: only that is written twice.
        let mut written = std::collections::HashSet::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                return Ok((map, size));
            }
            let at = place(&event);
            let here = |problem: Problem| Problem { at: problem.at.or(Some(at)), ..problem };
            let key = self.node(event, depth + 1)?;
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            size += key.size + value.size;
            match key.value {
                NodeValue::Scalar { is_merge: true, .. } => merge(value, &mut map).map_err(here)?,
                NodeValue::Scalar { scalar, .. } => {
                    let key = scalar.into_key().map_err(here)?;
                    if !written.insert(key.clone()) {
                        self.repeated.push(Repeated { key: key.clone(), line: at.0 });
                    }
                    map.insert(key, value.into_value().map_err(here)?);
                }
                _ => return Err(here(Problem::new("a key must be a text, and is a list or a mapping"))),
            }
        }
    }
}

/// The entries of `node`, a mapping or several, in `map`. As in go-yaml they replace those that stand before `<<`.
fn merge(node: Node, map: &mut Map<String, Value>) -> Result<(), Problem> {
    let no_map = || Problem::new("<< takes a mapping, or a list of mappings");
    match node.value {
        NodeValue::Map(entries) => map.extend(entries),
        // Earlier ones take precedence.
        NodeValue::List(list) => {
            for value in list.into_iter().rev() {
                let Value::Object(entries) = value else { return Err(no_map()) };
                map.extend(entries);
            }
        }
        NodeValue::Scalar { .. } => return Err(no_map()),
    }
    Ok(())
}

fn place(event: &Event) -> (usize, usize) {
    (to_usize(event.start_mark.line), to_usize(event.start_mark.column))
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
