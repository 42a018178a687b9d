//! The documents of a text, as kubectl separates them.
//!
//! By hand, after `YAMLOrJSONDecoder` and `YAMLReader` of Kubernetes' apimachinery: a text is objects of JSON one after the
//! other, else YAML that is cut at each line that begins with `---`, before a parser sees it. So a mistake in one document
//! leaves the others readable.

use serde_json::Value;

use super::yaml::{self, Repeated, YamlDocument};

/// A document that is not empty.
#[derive(Debug)]
pub(super) struct Document {
    /// The line where it begins, from 1.
    pub(super) line: usize,
    /// What it is, or why it cannot be read.
    pub(super) content: Result<Content, String>,
}

/// What a document is.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) value: Value,
    /// Keys that are written twice, with their lines from 1.
    pub(super) repeated: Vec<Repeated>,
}

const SEPARATOR: &str = "---";

/// The documents of the content of a file, without empty ones.
pub(super) fn documents(bytes: &[u8]) -> Vec<Document> {
    // A byte order mark says whether it is UTF-16 or UTF-8; without one it is UTF-8. Bytes that are not UTF-8, such as those of
    // a comment in GBK, are replaced, so that the rest can be read.
    let (text, ..) = encoding_rs::UTF_8.decode(bytes);
    let mut documents = Vec::new();
    let rest = if text.trim_start().starts_with('{') { json(&text, &mut documents) } else { Some((text.as_ref(), 0)) };
    if let Some((rest, line)) = rest {
        all_of_yaml(rest, line, &mut documents);
    }
    documents
}

/// Reads objects of JSON into `documents`. Gives the rest of the text with its first line, from 0, where that may be YAML.
fn json<'t>(text: &'t str, documents: &mut Vec<Document>) -> Option<(&'t str, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let line_breaks = |text: &str| text.matches('\n').count();
    // Counted as far as the last object, so that a long stream is gone through once.
    let (mut count, mut line, mut counted) = (0, 0, 0);
    loop {
        let start = stream.byte_offset();
        let rest = &text[start..];
        line += line_breaks(&text[counted..start]);
        counted = start;
        let first_line = line + line_breaks(&rest[..rest.len() - rest.trim_start().len()]) + 1;
        match stream.next() {
            None => return None,
            Some(Ok(value)) => {
                count += 1;
                if !value.is_null() {
                    let content = Ok(Content { value: as_decoded(value), repeated: Vec::new() });
                    documents.push(Document { line: first_line, content });
                }
            }
            // After two objects, kubectl takes nothing else for YAML.
            Some(Err(error)) if count > 1 => {
                documents.push(Document { line: first_line, content: Err(error.to_string()) });
                return None;
            }
            Some(Err(_)) => {
                let break_after = rest.find(|character: char| !character.is_whitespace() || character == '\n');
                let skipped = break_after.map_or(rest.len(), |at| at + usize::from(rest[at..].starts_with('\n')));
                return Some((&rest[skipped..], line + line_breaks(&rest[..skipped])));
            }
        }
    }
}

/// Numbers as Kubernetes decodes them from JSON: an integer that does not fit in 64 bits is a float, and a float without a
/// fraction that fits is an integer.
fn as_decoded(value: Value) -> Value {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) if float.fract() == 0.0 => {
                float.to_string().parse::<i64>().map_or(Value::from(float), Value::from)
            }
            _ => Value::Number(number),
        },
        Value::Array(list) => list.into_iter().map(as_decoded).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, as_decoded(value))).collect(),
        other => other,
    }
}

/// Reads the documents of `text`, whose first line is `line` (from 0).
fn all_of_yaml(text: &str, line: usize, documents: &mut Vec<Document>) {
    let mut chunk = String::new();
    let mut start = line;
    for (number, content) in text.lines().enumerate() {
        let number = line + number;
        if let Some(rest) = content.strip_prefix(SEPARATOR) {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                documents.extend(one_of_yaml(&chunk, start));
                chunk.clear();
                start = number + 1;
                let what = format!("line {}: nothing but a comment may follow {SEPARATOR}: {rest:?}", number + 1);
                documents.push(Document { line: number + 1, content: Err(what) });
                continue;
            }
            if !chunk.is_empty() {
                documents.extend(one_of_yaml(&chunk, start));
                chunk.clear();
                start = number + 1;
                continue;
            }
            // The first separator stays with its document, as in kubectl: a directive may stand before it.
        }
        chunk.push_str(content);
        chunk.push('\n');
    }
    documents.extend(one_of_yaml(&chunk, start));
}

/// The document in `text`, which begins at the line `start` (from 0); None if it is empty.
fn one_of_yaml(text: &str, start: usize) -> Option<Document> {
    match yaml::read(text) {
        Ok(document) if document.value.is_null() => None,
        Ok(YamlDocument { value, line, repeated }) => {
            let repeated = repeated.into_iter().map(|one| Repeated { line: start + one.line + 1, ..one }).collect();
            Some(Document { line: start + line + 1, content: Ok(Content { value, repeated }) })
        }
        Err(problem) => {
            let (line, column) = problem.at.unwrap_or((0, 0));
            let what = format!("line {}, column {}: {}", start + line + 1, column + 1, problem.what);
            Some(Document { line: start + line + 1, content: Err(what) })
        }
    }
}
