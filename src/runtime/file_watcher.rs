//! Follows files by their contents.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use thiserror::Error;

/// How often the files are read.
const PERIOD: Duration = Duration::from_millis(500);

/// Follows a set of files, and reports each change of their contents once.
///
/// The watcher reads the files periodically and compares their contents. It does not use inotify: a kubelet updates a mounted
/// Secret or ConfigMap by renaming the symbolic link `..data` in a folder above the files, and a watch of the files misses that.
///
/// A change counts when two successive reads of the whole set agree. A file that is half written, or a set of which only the
/// first file is new, is therefore not reported unless it stays so. A failed read is a change like any other: it is reported
/// once, and so is the return of the file.
///
/// ```
/// use koupleless_warden::runtime::FileWatcher;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let folder = tempfile::tempdir()?;
/// let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
/// std::fs::write(&certificate, "certificate 1")?;
/// std::fs::write(&key, "key 1")?;
/// let mut watcher = FileWatcher::new([certificate.clone(), key.clone()]);
/// assert_eq!(watcher.contents(), &Ok(["certificate 1".into(), "key 1".into()]));
///
/// std::fs::write(&certificate, "certificate 2")?;
/// std::fs::write(&key, "key 2")?;
/// assert_eq!(watcher.changed().await, &Ok(["certificate 2".into(), "key 2".into()]));
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FileWatcher<const N: usize> {
    files: Arc<[PathBuf; N]>,
    /// What was reported last.
    reported: FileContents<N>,
    /// What was read last, if it differs from `reported`.
    unsettled: Option<FileContents<N>>,
}

/// The contents of all files, in the order of their paths, or why one of them cannot be read.
pub type FileContents<const N: usize> = Result<[Vec<u8>; N], FileError>;

/// A file cannot be read. Two errors are equal if they are about the same file and of the same kind.
#[derive(Debug, Clone, Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What the system reports.
    pub source: Arc<io::Error>,
}

impl<const N: usize> FileWatcher<N> {
    /// Reads the files once. [`Self::contents`] has the result.
    pub fn new(files: [PathBuf; N]) -> Self {
        let reported = read_all(&files);
        Self { files: Arc::new(files), reported, unsettled: None }
    }

    /// What [`Self::changed`] reported last, or [`Self::new`] read.
    pub fn contents(&self) -> &FileContents<N> {
        &self.reported
    }

    /// Waits until the contents have changed, and returns the new ones. No change is lost if the future is dropped early.
    pub async fn changed(&mut self) -> &FileContents<N> {
        loop {
            tokio::time::sleep(PERIOD).await;
            let files = Arc::clone(&self.files);
            // A slow disk must not block the tasks of this thread.
            let Ok(contents) = tokio::task::spawn_blocking(move || read_all(&files)).await else { continue };
            if self.settles(contents) {
                return &self.reported;
            }
        }
    }

    /// Takes in one read. Returns whether it is to be reported: it differs from what was reported last, and the read before it
    /// gave the same.
    fn settles(&mut self, contents: FileContents<N>) -> bool {
        if contents == self.reported {
            self.unsettled = None;
            return false;
        }
        if self.unsettled.as_ref() != Some(&contents) {
            self.unsettled = Some(contents);
            return false;
        }
        self.unsettled = None;
        self.reported = contents;
        true
    }
}

impl PartialEq for FileError {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.source.kind() == other.source.kind()
    }
}

fn read_all<const N: usize>(files: &[PathBuf; N]) -> FileContents<N> {
    let mut contents = [const { Vec::new() }; N];
    for (content, path) in contents.iter_mut().zip(files) {
        *content = read(path)?;
    }
    Ok(contents)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|source| FileError { path: path.to_owned(), source: Arc::new(source) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn content(text: &str) -> FileContents<1> {
        Ok([text.into()])
    }

    fn missing() -> FileContents<1> {
        Err(FileError { path: "file".into(), source: Arc::new(io::ErrorKind::NotFound.into()) })
    }

    /// A watcher that has reported `text`, without files.
    fn after(text: &str) -> FileWatcher<1> {
        FileWatcher { files: Arc::new([PathBuf::from("file")]), reported: content(text), unsettled: None }
    }

    #[test]
    fn a_content_is_reported_once_and_only_after_two_reads_agree() {
        let mut watcher = after("a");
        let reads = ["a", "b", "b", "b", "a", "b", "c", "c"];
        let reported = reads.map(|text| watcher.settles(content(text)));
        assert_eq!(reported, [false, false, true, false, false, false, false, true]);
    }

    #[test]
    fn a_file_that_grows_with_every_read_is_not_reported_before_it_is_complete() {
        let mut watcher = after("old");
        let reads = ["n", "ne", "new", "new"];
        let reported = reads.map(|text| watcher.settles(content(text)));
        assert_eq!(reported, [false, false, false, true]);
        assert_eq!(watcher.contents(), &content("new"));
    }

    #[test]
    fn a_file_that_is_missing_for_one_read_is_ignored_and_one_that_stays_away_is_reported_once() {
        let mut watcher = after("a");
        assert_eq!([missing(), content("a")].map(|read| watcher.settles(read)), [false, false]);
        assert_eq!([missing(), missing(), missing()].map(|read| watcher.settles(read)), [false, true, false]);
        assert_eq!([content("a"), content("a")].map(|read| watcher.settles(read)), [false, true]);
    }

    #[test]
    fn of_several_files_the_first_new_one_alone_is_not_reported() {
        let mut watcher = FileWatcher {
            files: Arc::new([PathBuf::from("tls.crt"), PathBuf::from("tls.key")]),
            reported: Ok(["certificate 1".into(), "key 1".into()]),
            unsettled: None,
        };
        let reads = [["certificate 2", "key 1"], ["certificate 2", "key 2"], ["certificate 2", "key 2"]];
        let reported = reads.map(|texts| watcher.settles(Ok(texts.map(Into::into))));
        assert_eq!(reported, [false, false, true]);
    }

    #[tokio::test]
    async fn the_swap_of_a_folder_as_a_kubelet_does_it_is_reported() {
        // Given a file behind a symbolic link to a folder
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [("..1", "one"), ("..2", "two")] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("file"), text).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/file", at("file")).unwrap();
        let mut watcher = FileWatcher::new([at("file")]);
        assert_eq!(watcher.contents(), &content("one"));
        // When the link is renamed over
        symlink("..2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        // Then the new content is reported, and so is a file that goes away
        assert_eq!(watcher.changed().await, &content("two"));
        fs::remove_file(at("file")).unwrap();
        let error = watcher.changed().await.clone().unwrap_err();
        assert!(error.to_string().contains(&at("file").display().to_string()), "{error}");
    }
}
