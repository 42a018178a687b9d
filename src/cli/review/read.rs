//! Manifests from files, folders and standard input, as kubectl reads them.

mod documents;
mod scalar;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::module::{Kind, Workload};
use crate::policy::{LimitRangeFacts, LimitRangeSpec, NamespaceFacts};
use documents::documents;

/// Everything that was read, and what could not be.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) manifests: Vec<Manifest>,
    /// The Namespaces among the manifests, and those that were read from the cluster, by name.
    pub(super) namespaces: BTreeMap<String, NamespaceFacts>,
    /// The LimitRanges among the manifests that refuse modules, by namespace.
    pub(super) limit_ranges: BTreeMap<String, Vec<LimitRangeFacts>>,
    /// What kubectl reads in another way than it looks.
    pub(super) warnings: Vec<String>,
    pub(super) errors: Vec<ReadError>,
    /// How many documents there were, readable or not.
    documents: usize,
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
    /// The line where the document begins, from 1.
    line: usize,
}

/// Why a file, or an object in it, cannot be read. The others are reviewed.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    #[error("cannot read {file}: {source}")]
    Io { file: String, source: io::Error },
    #[error(
        "cannot read {0}: warden review fetches nothing. Download it first, or pipe it in: curl URL | warden review -f -"
    )]
    Url(String),
    #[error("{origin}: {reason}")]
    Text { origin: Origin, reason: String },
    #[error("{0} is not a Kubernetes object: apiVersion or kind is missing (line {line})", line = .0.line)]
    NoObject(Origin),
    #[error("{0} is not a list of Kubernetes objects: items is not a list (line {line})", line = .0.line)]
    NoItems(Origin),
    #[error("{} holds no .yaml, .yml or .json file{}", .0.display(), if *.1 { "" } else { "; -R reads its folders, too" })]
    NoFiles(PathBuf, bool),
    #[error("there is no object in {0}")]
    Empty(String),
}

const STANDARD_INPUT: &str = "-";
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

impl Input {
    /// Reads files, folders, and standard input. `recursive`: with the folders in folders. Manifests without a namespace are in
    /// `default_namespace`.
    pub(super) fn read(names: &[String], recursive: bool, default_namespace: &str) -> Self {
        let mut input = Self::default();
        for name in names {
            if name == STANDARD_INPUT {
                let mut bytes = Vec::new();
                match io::stdin().read_to_end(&mut bytes) {
                    Ok(_) => input.add_file("stdin", &bytes),
                    Err(source) => input.errors.push(ReadError::Io { file: "stdin".to_owned(), source }),
                }
            } else if name.starts_with("http://") || name.starts_with("https://") {
                input.errors.push(ReadError::Url(name.clone()));
            } else {
                input.read_path(Path::new(name), recursive);
            }
        }
        if input.documents == 0 && input.errors.is_empty() {
            input.errors.push(ReadError::Empty(names.join(", ")));
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

    fn read_path(&mut self, path: &Path, recursive: bool) {
        let files = match files_at(path, recursive) {
            Ok(files) => files,
            Err(source) => return self.errors.push(ReadError::Io { file: path.display().to_string(), source }),
        };
        if files.is_empty() {
            self.errors.push(ReadError::NoFiles(path.to_owned(), recursive));
        }
        for file in files {
            let name = file.display().to_string();
            match fs::read(&file) {
                Ok(bytes) => self.add_file(&name, &bytes),
                Err(source) => self.errors.push(ReadError::Io { file: name, source }),
            }
        }
    }

    fn add_file(&mut self, file: &str, bytes: &[u8]) {
        for (position, document) in documents(bytes).into_iter().enumerate() {
            self.documents += 1;
            let origin = Origin { file: file.to_owned(), document: position + 1, item: None, line: document.line };
            match document.content {
                Err(reason) => self.errors.push(ReadError::Text { origin, reason }),
                Ok(content) => {
                    self.warnings.extend(content.repeated.iter().map(|repeated| {
                        let key = &repeated.key;
                        format!("{origin}: line {}: {key:?} is there twice; Kubernetes takes the last", repeated.line)
                    }));
                    self.add_object(Manifest { origin, object: content.value });
                }
            }
        }
    }

    fn add_object(&mut self, manifest: Manifest) {
        if manifest.text("apiVersion").is_empty() || manifest.text("kind").is_empty() {
            return self.errors.push(ReadError::NoObject(manifest.origin));
        }
        match manifest.object.get("items") {
            None => self.manifests.push(manifest),
            // As kubectl writes a list without items, sometimes.
            Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for (position, item) in items.iter().enumerate() {
                    let mut object = item.clone();
                    if let Some(item) = object.as_object_mut() {
                        take_kind_of_list(item, &manifest);
                    }
                    let origin = Origin { item: Some(position + 1), ..manifest.origin.clone() };
                    self.add_object(Manifest { origin, object });
                }
            }
            Some(_) => self.errors.push(ReadError::NoItems(manifest.origin)),
        }
    }
}

/// The API server says the kind of the items of a `DeploymentList` only by that of the list.
fn take_kind_of_list(item: &mut Map<String, Value>, list: &Manifest) {
    if item.contains_key("apiVersion") || item.contains_key("kind") {
        return;
    }
    if let Some(kind) = list.text("kind").strip_suffix("List").filter(|kind| !kind.is_empty()) {
        item.insert("apiVersion".to_owned(), list.text("apiVersion").into());
        item.insert("kind".to_owned(), kind.into());
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

    /// Its kind, where objects of that kind can be modules.
    pub(super) fn module_kind(&self) -> Option<Kind> {
        Kind::of_manifest(self.text("apiVersion"), self.text("kind"))
    }

    /// Whether it is a module.
    pub(super) fn is_module(&self) -> bool {
        self.module_kind().is_some_and(|kind| Workload::new(kind, &self.object).is_module())
    }

    /// The namespace, if the manifest has one.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.metadata("namespace")
    }

    /// A string of the metadata, if it is there and not empty.
    pub(super) fn metadata(&self, field: &str) -> Option<&str> {
        self.object.get("metadata")?.get(field)?.as_str().filter(|text| !text.is_empty())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} document {}", self.file, self.document)?;
        self.item.map_or(Ok(()), |item| write!(f, " item {item}"))
    }
}

/// The files at `path`, in the order in which kubectl reads them: by name, a folder among the files.
fn files_at(path: &Path, recursive: bool) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.path();
        // The type of the entry itself: like kubectl, this follows no link to a folder, which could lead in a circle.
        if entry.file_type()?.is_dir() {
            if recursive {
                files.extend(files_at(&file, recursive)?);
            }
        } else if has_extension(&file) && file.is_file() {
            files.push(file);
        }
    }
    Ok(files)
}

fn has_extension(file: &Path) -> bool {
    file.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| EXTENSIONS.contains(&extension))
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
