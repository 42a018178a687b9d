//! From where the settings come.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Given, Settings, SettingsError, file};

/// A file, if there is one, and the flags that win over it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    file: Option<PathBuf>,
    flags: Given,
}

impl Source {
    /// What `flags` say, and `file` where they say nothing.
    pub fn new(file: Option<PathBuf>, flags: Given) -> Self {
        Self { file, flags }
    }

    /// The settings as they are now.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it is wrong.
    pub fn read(&self) -> Result<Settings, SettingsError> {
        match &self.file {
            Some(file) => self.settings(file, &fs::read_to_string(file)),
            None => Ok(self.flags.clone().into()),
        }
    }

    /// The file.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The settings by what reading `path` gave.
    pub(super) fn settings(&self, path: &Path, content: &io::Result<String>) -> Result<Settings, SettingsError> {
        let file = || path.to_owned();
        let text = content.as_ref().map_err(|error| SettingsError::Unreadable {
            file: file(),
            reason: io::Error::new(error.kind(), error.to_string()),
        })?;
        let given = file::parse(text).map_err(|faults| SettingsError::Wrong { file: file(), faults })?;
        Ok(self.flags.clone().or(given).into())
    }
}
