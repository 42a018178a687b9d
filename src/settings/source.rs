//! Where the settings come from.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Settings, SettingsError, SettingsOverrides, file};
use crate::runtime::{FileContents, FileError, FileWatcher};

/// A file, if there is one, and the flags that override it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    file: Option<PathBuf>,
    flags: SettingsOverrides,
}

impl Source {
    /// The settings of `flags`, and those of `file` for fields that no flag sets.
    pub fn new(file: Option<PathBuf>, flags: SettingsOverrides) -> Self {
        Self { file, flags }
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// If the file cannot be read, or something in it is wrong.
    pub fn read(&self) -> Result<Settings, SettingsError> {
        match self.watcher() {
            Some(watcher) => self.settings(watcher.contents()),
            None => Ok(self.flags.clone().into()),
        }
    }

    /// Follows the file, if there is one.
    pub(super) fn watcher(&self) -> Option<FileWatcher<1>> {
        self.file.clone().map(|file| FileWatcher::new([file]))
    }

    /// The path of the file, if there is one.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The settings if the file has these contents.
    pub(super) fn settings(&self, contents: &FileContents<1>) -> Result<Settings, SettingsError> {
        let [bytes] = contents.as_ref().map_err(|error| SettingsError::Unreadable(error.clone()))?;
        let path = || self.file.clone().unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let source = Arc::new(io::Error::new(io::ErrorKind::InvalidData, error));
            SettingsError::Unreadable(FileError { path: path(), source })
        })?;
        let file = file::parse(text).map_err(|faults| SettingsError::Wrong { file: path(), faults })?;
        Ok(self.flags.clone().or(file).into())
    }
}
