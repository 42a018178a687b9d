//! Faults of a configuration.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::runtime::FileError;

/// A configuration file cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(FileError),
    /// Something in it is wrong.
    #[error("{}", in_file(.file, .faults))]
    Wrong {
        /// The file.
        file: PathBuf,
        /// All faults; at least one.
        faults: Vec<Fault>,
    },
}

/// One fault, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1; none if the fault has no line.
    pub line: Option<u64>,
    /// The field and what is wrong with it, without a full stop.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

fn in_file(file: &std::path::Path, faults: &[Fault]) -> String {
    let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
    format!("{}: {}", file.display(), faults.join("; "))
}
