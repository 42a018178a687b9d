//! Manifests from files, folders and standard input.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;
use thiserror::Error;

use crate::policy::{LimitRangeFacts, LimitRangeSpec, NamespaceFacts};

/// Everything that was read, and what could not be.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) manifests: Vec<Manifest>,
    /// The Namespaces among the manifests, by name.
    pub(super) namespaces: BTreeMap<String, NamespaceFacts>,
    /// The LimitRanges among the manifests that refuse modules, by namespace.
    pub(super) limit_ranges: BTreeMap<String, Vec<LimitRangeFacts>>,
    pub(super) errors: Vec<ReadError>,
}

/// One object, and where it is from.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) origin: Origin,
    pub(super) object: Value,
}

/// A document of a file, counted from 1 without empty ones, and the item if the document is a List.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    file: String,
    document: usize,
    item: Option<usize>,
}

/// Why a file, or an object in it, cannot be read. The others are reviewed.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    #[error("cannot read {file}: {source}")]
    Io { file: String, source: io::Error },
    #[error("{file}: {reason}")]
    Text { file: String, reason: String },
    #[error("{0} is not a Kubernetes object: apiVersion or kind is missing")]
    NoObject(Origin),
    #[error("{} holds no .yaml, .yml or .json file", .0.display())]
    NoFiles(PathBuf),
    #[error("{0} holds no object")]
    Empty(String),
}

const STANDARD_INPUT: &str = "-";
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

impl Input {
    /// Reads what is called `names`. Manifests without a namespace are in `default_namespace`.
    pub(super) fn read(names: &[String], default_namespace: &str) -> Self {
        let mut input = Self::default();
        for name in names {
            if name == STANDARD_INPUT {
                let mut text = String::new();
                match io::stdin().read_to_string(&mut text) {
                    Ok(_) => input.add_text("stdin", &text),
                    Err(source) => input.errors.push(ReadError::Io { file: "stdin".to_owned(), source }),
                }
            } else {
                input.read_path(Path::new(name));
            }
        }
        input.namespaces = input.manifests.iter().filter_map(namespace_facts).collect();
        for manifest in &input.manifests {
            let namespace = manifest.namespace().unwrap_or(default_namespace);
            if let Some(facts) = limit_range_facts(manifest) {
                input.limit_ranges.entry(namespace.to_owned()).or_default().push(facts);
            }
        }
        input
    }

    fn read_path(&mut self, path: &Path) {
        let files = match files_at(path) {
            Ok(files) => files,
            Err(source) => return self.errors.push(ReadError::Io { file: path.display().to_string(), source }),
        };
        if files.is_empty() {
            self.errors.push(ReadError::NoFiles(path.to_owned()));
        }
        for file in files {
            let name = file.display().to_string();
            match fs::read_to_string(&file) {
                Ok(text) => self.add_text(&name, &text),
                Err(source) => self.errors.push(ReadError::Io { file: name, source }),
            }
        }
    }

    fn add_text(&mut self, file: &str, text: &str) {
        let documents = match documents(text) {
            Ok(documents) => documents,
            Err(reason) => return self.errors.push(ReadError::Text { file: file.to_owned(), reason }),
        };
        if documents.is_empty() {
            self.errors.push(ReadError::Empty(file.to_owned()));
        }
        for (position, object) in documents.into_iter().enumerate() {
            let origin = Origin { file: file.to_owned(), document: position + 1, item: None };
            self.add_object(Manifest { origin, object });
        }
    }

    fn add_object(&mut self, mut manifest: Manifest) {
        if manifest.text("apiVersion").is_empty() || manifest.text("kind").is_empty() {
            return self.errors.push(ReadError::NoObject(manifest.origin));
        }
        let is_list =
            manifest.text("kind").ends_with("List") && manifest.object.get("items").is_some_and(Value::is_array);
        if !is_list {
            return self.manifests.push(manifest);
        }
        let items = manifest.object.get_mut("items").map(Value::take).unwrap_or_default();
        for (position, object) in items.as_array().into_iter().flatten().enumerate() {
            let origin = Origin { item: Some(position + 1), ..manifest.origin.clone() };
            self.add_object(Manifest { origin, object: object.clone() });
        }
    }
}

impl Manifest {
    /// A string at the top level of the object; empty if it is missing.
    pub(super) fn text(&self, field: &str) -> &str {
        self.object.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        self.metadata("name").or_else(|| self.metadata("generateName")).unwrap_or_default()
    }

    /// The namespace, if the manifest has one.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.metadata("namespace")
    }

    fn metadata(&self, field: &str) -> Option<&str> {
        self.object.get("metadata")?.get(field)?.as_str().filter(|text| !text.is_empty())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} document {}", self.file, self.document)?;
        self.item.map_or(Ok(()), |item| write!(f, " item {item}"))
    }
}

fn files_at(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        if file.is_file() && extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The documents of a file: YAML documents, or concatenated JSON objects as `jq '.items[]'` prints them.
fn documents(text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with('{') {
        let objects: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
        if let Ok(objects) = objects {
            return Ok(objects);
        }
    }
    serde_saphyr::from_multiple_with_options(text, as_kubectl_reads())
        // The library ends this error with advice on its API.
        .map_err(|error| error.to_string().replace(", set DuplicateKeyPolicy in Options if acceptable", ""))
}

/// YAML 1.1 as kubectl reads it, in which `0644` is octal. The input can be a dump of a large cluster, so only the expansion
/// of aliases is limited.
fn as_kubectl_reads() -> serde_saphyr::Options {
    serde_saphyr::options! { budget: None, emit_comments: false, legacy_octal_numbers: true, with_snippet: false }
}

fn namespace_facts(manifest: &Manifest) -> Option<(String, NamespaceFacts)> {
    let is_namespace = manifest.text("kind") == "Namespace" && manifest.text("apiVersion") == "v1";
    let texts = |field| {
        let map = manifest.object.get("metadata").and_then(|metadata| metadata.get(field)?.as_object());
        let texts = map.into_iter().flatten();
        texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    };
    let facts = || NamespaceFacts { labels: texts("labels"), annotations: texts("annotations"), is_excluded: false };
    is_namespace.then(|| (manifest.name().to_owned(), facts()))
}

fn limit_range_facts(manifest: &Manifest) -> Option<LimitRangeFacts> {
    let is_limit_range = manifest.text("kind") == "LimitRange" && manifest.text("apiVersion") == "v1";
    let spec = manifest.object.get("spec").filter(|_| is_limit_range)?;
    // What cannot be read as a LimitRange the API server refuses.
    LimitRangeFacts::of(manifest.name(), &LimitRangeSpec::deserialize(spec).ok()?)
}
