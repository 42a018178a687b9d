//! Why a configuration cannot be used.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("cannot read {}: {reason}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}", in_file(.file, .faults))]
    Wrong {
        /// The file.
        file: PathBuf,
        /// All that is wrong; at least one.
        faults: Vec<Fault>,
    },
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; none where nobody can say.
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
